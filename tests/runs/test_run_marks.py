"""Runs whose requests begin with the same long text: it is written to the prompt cache once, and read."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from aimlapi_simulator import Cache, Fault, Gateway, Latency
from aimlapi_simulator.catalogue import BY_ID
from aimlapi_simulator.pricing import Usage, credits_for, usd_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.errors import BudgetExhausted
from tests.runs.conftest import MAX_TOKENS, MODEL, expected, script, texts_table
from tests.runs.typed import FORCED, FORMAT, INSTRUCTED, typed_job

if TYPE_CHECKING:
    from aimlapi_simulator.ledger import Record
    from tests.runs.conftest import Workplace

HEAD_TOKENS = 2_000
RULES = "Each ticket has one topic. Choose it by the subject line. ".ljust(80, ".") * 100
PROMPT = f"{RULES}{{body}}\n\nAnswer in one word."
TEXT_AFTER = "{body}\n\nAnswer in one word."
EXAMPLES = (({"body": "The printer smokes."}, "fire"), ({"body": "It is slow."}, "speed"))
MISSES_MAX, CHECKED_ANSWERS = 20, 200
DATED_NEWER, DOTTED = "anthropic/claude-sonnet-5", "anthropic/claude-sonnet-4.6"


def infos(place: Workplace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.result()["completion_info"].to_pylist()
    return found


def reads_and_writes(place: Workplace) -> tuple[int, int]:
    """Return the rows that read the head, and those that wrote it."""
    rows = infos(place)
    return (
        sum(bool(row["cached_tokens"]) for row in rows),
        sum(bool(row["cache_write_tokens"]) for row in rows),
    )


def bill(records: list[Record], *, writes: int) -> int:
    """Return the credits of these calls, if the first ones write the head and the others read it."""
    return sum(
        credits_for(
            Usage(
                prompt=record.prompt_tokens,
                completion=record.completion_tokens,
                written=HEAD_TOKENS * (number < writes),
                cached=HEAD_TOKENS * (number >= writes),
            ),
            BY_ID[MODEL].price,
        )
        for number, record in enumerate(records)
    )


def texts(place: Workplace) -> pa.Table:
    """Return the result without what calls have cost."""
    table = place.result()
    kept = [
        {name: row[name] for name in ("status", "error", "request_hash", "attempts", "raw")}
        for row in infos(place)
    ]
    return table.drop_columns(["completion_info"]).append_column("info", pa.array(kept))


@pytest.mark.parametrize(("concurrency", "rows"), [(1, 30), (256, 300)])
def test_the_head_is_paid_for_once(place: Workplace, concurrency: int, rows: int) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.05)))
    place.write(texts_table(rows))
    report = place.run(place.job(prompt=PROMPT), max_concurrency=concurrency)
    billed = place.sim.ledger.billed
    assert len(billed) == report.requests == rows
    assert place.sim.ledger.total_credits == bill(billed, writes=1)
    assert report.tally.cost_nano_usd == place.sim.ledger.total_credits * 500
    assert reads_and_writes(place) == (rows - 1, 1)
    summary = report.as_return_value()
    assert summary["cache_hit_rate"] == round((rows - 1) / rows, 4)
    unmarked = sum(
        credits_for(
            Usage(prompt=one.prompt_tokens, completion=one.completion_tokens), BY_ID[MODEL].price
        )
        for one in billed
    )
    saved = usd_of(unmarked - place.sim.ledger.total_credits)
    assert summary["cache_saved_usd"] == pytest.approx(saved, abs=1e-6 * rows)
    assert place.run(place.job(prompt=PROMPT)).as_return_value()[
        "cache_saved_usd"
    ] == pytest.approx(saved, abs=1e-6 * rows)  # another try finds the run published


def test_a_later_attempt_reads_what_the_first_wrote(place: Workplace) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.05)))
    place.write(texts_table(300))
    place.run_until_billed(60, job=place.job(prompt=PROMPT), max_concurrency=16)
    place.run(place.job(prompt=PROMPT), max_concurrency=256)
    billed = place.sim.ledger.billed
    assert len(billed) == 300
    assert place.sim.ledger.total_credits == bill(billed, writes=1)  # it is still in the cache
    assert reads_and_writes(place) == (299, 1)


@pytest.mark.parametrize("model", [MODEL, DATED_NEWER, DOTTED])
@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": PROMPT},
        {"prompt": PROMPT, "system": RULES, "examples": EXAMPLES},
        {"prompt": TEXT_AFTER, "system": RULES},
        {"prompt": "{body}", "system": RULES + "{body}"},
        {"prompt": TEXT_AFTER, "system": RULES, "examples": EXAMPLES},
    ],
    ids=["prompt", "everything", "system", "system by row", "examples"],
)
def test_marks_change_no_answer(place: Workplace, model: str, changes: dict[str, Any]) -> None:
    place.write(texts_table(12))
    spec = CompletionSpec(model=model, max_tokens=MAX_TOKENS)
    place.run(place.job(completion=spec, **changes), cache_prompt="auto")
    marked = texts(place)
    assert reads_and_writes(place) == (11, 1)
    place.output += "-unmarked"
    place.run(place.job(completion=spec, **changes), cache_prompt="never")
    assert texts(place) == marked
    assert reads_and_writes(place) == (0, 0)


@pytest.mark.parametrize("model", [FORCED, FORMAT, INSTRUCTED])
def test_marks_change_no_typed_answer(place: Workplace, model: str) -> None:
    place.write(texts_table(12))
    job = typed_job(place, model, prompt=TEXT_AFTER, system=RULES)
    place.run(job)
    marked = texts(place)
    assert reads_and_writes(place) == (11, 1)
    place.output += "-unmarked"
    place.run(typed_job(place, model, prompt=TEXT_AFTER, system=RULES), cache_prompt="never")
    assert texts(place) == marked


@pytest.mark.parametrize("documents", ["live", "older"])
@pytest.mark.parametrize("concurrency", [1, 64])
def test_refused_marks_cost_nothing(
    place: Workplace, caplog: pytest.LogCaptureFixture, concurrency: int, documents: Any
) -> None:
    is_older = documents == "older"
    place.sim.follow(
        script(
            cache=Cache(marks="accepted" if is_older else "refused"),
            gateway=Gateway(documents=documents),
        )
    )
    place.write(texts_table(100))
    with caplog.at_level(logging.INFO):
        report = place.run(
            place.job(prompt=PROMPT), max_concurrency=concurrency, max_rejected_rows=0
        )
    assert (report.tally.ok, len(place.sim.ledger.billed)) == (100, 100)
    assert report.requests == 101  # the lead's refusal, which is free
    assert "The API refuses cache marks for this model" in caplog.text


def test_a_bad_row_ends_no_marks(place: Workplace) -> None:
    """The lead is refused with and without its mark, so the next row finds out about marks."""
    place.sim.follow(script(faults=(Fault(kind="400", contains="Ticket 0."),)))
    place.write(texts_table(100))
    report = place.run(place.job(prompt=PROMPT), max_concurrency=1)
    assert (report.tally.ok, report.tally.rejected) == (99, 1)
    reads, writes = reads_and_writes(place)
    assert (reads + writes, writes) == (99, 1)


def test_a_budget_holds_with_writes_and_reads(place: Workplace) -> None:
    place.write(texts_table(60))
    job = place.job(prompt=PROMPT)
    with pytest.raises(BudgetExhausted, match="Raise max_cost_usd"):
        place.run(job, max_cost_usd=0.09)
    assert 0.05 < place.sim.ledger.total_usd <= 0.09
    report = place.run(job, max_cost_usd=1.0)
    assert (report.tally.ok, len(place.sim.ledger.billed)) == (60, 60)
    assert place.sim.ledger.total_credits == bill(place.sim.ledger.billed, writes=1)


def test_the_first_call_needs_the_price_of_a_write(place: Workplace) -> None:
    """By the price list, at a token for each byte."""
    place.write(texts_table(60))
    least = {}
    for cache_prompt in ("auto", "never"):
        with pytest.raises(BudgetExhausted, match="cost up to ") as caught:
            place.run(place.job(prompt=PROMPT), max_cost_usd=0.01, cache_prompt=cache_prompt)
        least[cache_prompt] = float(str(caught.value).split("cost up to ")[1].split(" USD")[0])
    surcharge = len(RULES) * 3.9e-6 * 0.25
    assert least["auto"] - least["never"] == pytest.approx(surcharge, rel=0.02)
    assert place.sim.ledger.billed == []


def test_ignored_marks_are_dropped(place: Workplace, caplog: pytest.LogCaptureFixture) -> None:
    place.sim.follow(script(cache=Cache(marks="ignored")))
    place.write(texts_table(100))
    place.run(place.job(prompt=PROMPT), max_concurrency=1)
    assert f"0 of {MISSES_MAX} answers read the prompt cache" in caplog.text


def test_marks_that_only_write_are_dropped(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    place.sim.follow(script(cache=Cache(miss_share=1.0)))
    place.write(texts_table(100))
    report = place.run(place.job(prompt=PROMPT), max_concurrency=1)
    assert reads_and_writes(place) == (0, 1 + MISSES_MAX)
    surcharge = usd_of(round((1 + MISSES_MAX) * HEAD_TOKENS * 3.9 * 2 * 0.25))
    assert f"which cost {surcharge:.6f} USD more" in caplog.text
    assert report.as_return_value()["cache_saved_usd"] == pytest.approx(-surcharge)
    assert report.tally.ok == 100


def test_dropped_marks_stay_dropped(place: Workplace, caplog: pytest.LogCaptureFixture) -> None:
    place.sim.follow(script(cache=Cache(miss_share=1.0)))
    place.write(texts_table(100))
    place.run_until_billed(50, job=place.job(prompt=PROMPT), max_concurrency=1)
    with caplog.at_level(logging.INFO):
        place.run(place.job(prompt=PROMPT), max_concurrency=1)
    assert "No request is marked for the prompt cache, because 0 of " in caplog.text
    assert reads_and_writes(place) == (0, 1 + MISSES_MAX)


def test_marks_that_rarely_read_are_dropped(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    place.sim.follow(script(cache=Cache(miss_share=0.7)))
    place.write(texts_table(300))
    place.run(place.job(prompt=PROMPT), max_concurrency=1)
    reads, writes = reads_and_writes(place)
    assert reads + writes == 1 + CHECKED_ANSWERS
    assert f"{reads} of {CHECKED_ANSWERS} answers read the prompt cache" in caplog.text


@pytest.mark.parametrize(("characters", "writes"), [(4_096, 1), (4_092, 0), (1_000, 0)])
def test_a_short_head_is_not_marked(place: Workplace, characters: int, writes: int) -> None:
    """Sonnet 4.6 keeps 1,024 tokens or more, which the first answer shows."""
    place.sim.follow(script(cache=Cache()))
    place.write(texts_table(30))
    place.run(place.job(prompt=RULES[:characters] + "{body}"))
    reads, written = reads_and_writes(place)
    assert written == writes
    assert reads == 29 * writes


def test_a_prompt_without_head_is_not_marked(place: Workplace) -> None:
    place.write(texts_table(30))
    place.run(place.job(prompt="{body}" + RULES))
    assert reads_and_writes(place) == (0, 0)


def test_a_single_row_is_not_marked(place: Workplace) -> None:
    place.write(texts_table(1))
    place.run(place.job(prompt=PROMPT))
    assert reads_and_writes(place) == (0, 0)


def test_blank_rows_have_no_mark(place: Workplace) -> None:
    """The API refuses a part without visible text, so the row would be rejected with a mark."""
    place.write(pa.table({"body": ["", " \n", "a", "b", "\t"]}))
    report = place.run(place.job(prompt=RULES + "{body}"), max_concurrency=1)
    assert report.tally.ok == report.requests == 5
    assert reads_and_writes(place) == (1, 1)


def test_an_unused_cache_needs_no_price(place: Workplace) -> None:
    place.write(texts_table(3))
    summary = place.run().as_return_value()
    assert (summary["cache_hit_rate"], summary["cache_saved_usd"]) == (0.0, 0.0)
    assert {record.path for record in place.sim.ledger.requests} == {"/v1/chat/completions"}


def test_rows_say_what_they_would_without_marks(place: Workplace) -> None:
    place.write(texts_table(20))
    place.run(place.job(prompt=PROMPT))
    for row in place.result().to_pylist():
        assert row["completion"] == expected(row["body"], PROMPT)
