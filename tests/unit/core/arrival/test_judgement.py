"""What the token counts of a few answers say of the system text."""

from __future__ import annotations

from random import Random

import pytest

from airflow_provider_aimlapi.core.arrival.judgement import (
    Arrival,
    Judgement,
    Sighting,
    judge_arrival,
)
from airflow_provider_aimlapi.core.arrival.text_counts import count_text
from lab.arrival.texts import make
from lab.arrival.tokenizers import by_pieces

TOKENS = by_pieces(3)
SYSTEM = make(Random(1), "English", 1500)  # noqa: S311  a seed


def prompts(rows: int = 16, *, size: int = 600) -> list[str]:
    random = Random(2)  # noqa: S311  a seed
    return [make(random, "English", random.randrange(size // 2, size * 2)) for _ in range(rows)]


def sighting(prompt: str, counted: int | None, system: str = SYSTEM) -> Sighting:
    return Sighting(count_text(prompt), count_text(system), counted)


def dropped(texts: list[str]) -> list[Sighting]:
    return [sighting(text, TOKENS(text) + 4) for text in texts]


def arrived(texts: list[str]) -> list[Sighting]:
    return [sighting(text, TOKENS(text) + TOKENS(SYSTEM) + 4) for text in texts]


def test_prompt_alone_means_dropped() -> None:
    assert judge_arrival(dropped(prompts())).arrival is Arrival.DROPPED


def test_prompt_and_system_mean_arrived() -> None:
    assert judge_arrival(arrived(prompts())).arrival is Arrival.ARRIVED


def test_numbers_are_those_of_a_row() -> None:
    texts = prompts()
    judged = judge_arrival(dropped(texts))
    tokens = sorted(TOKENS(text) + 4 for text in texts)[8]
    assert judged.rows == 16
    assert judged.prompt_tokens == tokens
    assert judged.expected_tokens == pytest.approx(tokens + TOKENS(SYSTEM), rel=0.3)


def test_one_row_is_enough_if_certain() -> None:
    assert judge_arrival(dropped(["Say hello to Ann."])).arrival is Arrival.DROPPED


@pytest.mark.parametrize("counted", [None, 0])
def test_missing_counts_mean_unknown(counted: int | None) -> None:
    rows = [sighting(text, counted) for text in prompts()]
    assert judge_arrival(rows).arrival is Arrival.UNKNOWN


def test_rows_without_counts_are_left_out() -> None:
    texts = prompts()
    rows = [*dropped(texts[:12]), *(sighting(text, None) for text in texts[12:])]
    judged = judge_arrival(rows)
    assert (judged.arrival, judged.rows) == (Arrival.DROPPED, 12)


def test_no_rows_mean_unknown() -> None:
    assert judge_arrival([]) == Judgement(Arrival.UNKNOWN)


def test_no_system_text_means_unknown() -> None:
    rows = [sighting(text, TOKENS(text), system="") for text in prompts()]
    assert judge_arrival(rows).arrival is Arrival.UNKNOWN


def test_short_system_text_means_unknown() -> None:
    rows = [sighting(text, TOKENS(text), system="Be brief.") for text in prompts()]
    assert judge_arrival(rows).arrival is Arrival.UNKNOWN


def test_constant_count_is_no_alarm() -> None:
    """A stand-in for the API may always report the same number."""
    rows = [sighting(text, 11) for text in prompts()]
    assert judge_arrival(rows).arrival is Arrival.UNKNOWN


@pytest.mark.parametrize("written", [False, True])
def test_cached_tokens_counted_apart_are_no_alarm(*, written: bool) -> None:
    system = TOKENS(SYSTEM)
    rows = [
        Sighting(
            count_text(text),
            count_text(SYSTEM),
            TOKENS(text),
            system if index % 2 or not written else 0,
            0 if index % 2 or not written else system,
        )
        for index, text in enumerate(prompts())
    ]
    assert judge_arrival(rows).arrival is not Arrival.DROPPED


def test_drop_is_seen_with_cached_tokens_counted_in() -> None:
    rows = [row._replace(cached_tokens=0, cache_write_tokens=0) for row in dropped(prompts())]
    assert judge_arrival(rows).arrival is Arrival.DROPPED


def test_templated_system_text_is_judged() -> None:
    random = Random(4)  # noqa: S311  a seed
    texts = prompts()
    systems = [f"{SYSTEM} {make(random, 'English', 200)}" for _ in texts]
    lost = [sighting(text, TOKENS(text), s) for text, s in zip(texts, systems, strict=True)]
    kept = [
        sighting(text, TOKENS(text) + TOKENS(s), s) for text, s in zip(texts, systems, strict=True)
    ]
    assert judge_arrival(lost).arrival is Arrival.DROPPED
    assert judge_arrival(kept).arrival is Arrival.ARRIVED


def test_long_template_of_another_language_is_no_alarm() -> None:
    """What all prompts share has rates of its own: it must not look like missing tokens."""
    random = Random(5)  # noqa: S311  a seed
    template = make(random, "English", 4000)
    texts = [
        f"{template}\n{make(random, 'Finnish', random.randrange(50, 4000))}" for _ in range(16)
    ]
    assert judge_arrival(arrived(texts)).arrival is not Arrival.DROPPED


def test_instructions_in_a_cheaper_script_are_no_alarm() -> None:
    """Rates of the rows say nothing of instructions in another alphabet."""
    random = Random(6)  # noqa: S311  a seed
    system = make(random, "Hebrew", 300)
    texts = [make(random, "Amharic", random.randrange(100, 900)) for _ in range(16)]
    rows = [sighting(text, 2 * len(text) + len(system) // 3, system) for text in texts]
    assert judge_arrival(rows).arrival is not Arrival.DROPPED
