"""Runs made from a seed: what their first rows send, and what the answers report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aimlapi.core.arrival.judgement import Sighting
from airflow_provider_aimlapi.core.arrival.text_counts import count_text
from lab.arrival.texts import KINDS, make
from lab.arrival.tokenizers import SIMPLE, by_pieces, by_script, noisy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.arrival.tokenizers import Tokenizer

count_once = lru_cache(200)(count_text)
LENGTHS = ("varied", "varied", "equal", "near", "short", "long tail")
CACHES = ("none",) * 4 + (
    "inside",
    "apart",
    "partly inside",
    "partly apart",
    "written apart",
    "zero",
)
SYSTEM_KINDS = ("English",) * 12 + ("words", "json", "capitals") * 2 + KINDS
PROMPT_KINDS = ("English",) * 10 + KINDS
BYTES_SHARE_MIN, TOKENS_MIN = 0.25, 50
"""Below either, a miss is acceptable."""


class Usage(NamedTuple):
    """What an answer reports."""

    prompt_tokens: int | None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class GeneratedRun:
    """The first rows of a run.

    Attributes:
        traits: what it is of, by name; for the table.
        is_due: whether a system text that is dropped should be noticed.
    """

    seed: int
    tokenizer: Tokenizer
    prompts: list[str]
    systems: list[str]
    traits: Mapping[str, str]
    missing: float
    is_due: bool

    def sightings(self, *, is_dropped: bool) -> list[Sighting]:
        """Return the rows with the counts that their answers report."""
        random = Random(self.seed + 1)
        frame = random.choice((0, 0, 3, 4, 7, 8, 12, 20))
        found = []
        for prompt, system in zip(self.prompts, self.systems, strict=True):
            system_tokens = 0 if is_dropped else self.tokenizer(system)
            prompt_tokens = self.tokenizer(prompt) + frame
            usage = _usage(random, self.traits["cache"], prompt_tokens, system_tokens)
            if random.random() < self.missing:
                usage = Usage(None)
            found.append(Sighting(count_once(prompt), count_once(system), *usage))
        return found


def _usage(random: Random, cache: str, prompt: int, system: int) -> Usage:
    whole, share, is_hit = prompt + system, random.random(), random.random() < 0.6
    cached = {
        "zero": 0,
        "partly inside": int(whole * share),
        "partly apart": int(whole * share),
    }.get(cache, system)
    if cache == "none":
        return Usage(whole)
    if cache == "written apart":
        return Usage(prompt, system if is_hit else 0, 0 if is_hit else system)
    return Usage(whole - cached if cache.endswith("apart") else whole, cached, 0)


def generate(
    seed: int, vocabularies: Mapping[str, Tokenizer], *, usual: bool = False
) -> GeneratedRun:
    """Return the run of a seed.

    Args:
        usual: in English, with prompts of varied length, and 16 rows.
    """
    random = Random(seed)
    name, tokenizer = _tokenizer(random, vocabularies)
    lengths, rows = random.choice(LENGTHS), random.choice((16,) * 8 + (1, 2, 3, 4, 6, 8, 10, 12))
    kind, system_kind = random.choice(PROMPT_KINDS), random.choice(SYSTEM_KINDS)
    is_any_kind = random.random() < 0.2
    if usual:
        kind, system_kind, is_any_kind, lengths, rows = "English", "English", False, "varied", 16
    template = make(random, "English", random.randrange(5, 120))
    if random.random() < 0.2:
        template = make(
            random, random.choice(("English", "json", kind)), random.randrange(200, 5000)
        )
    size = int(10 ** random.uniform(1.3, 4))
    prompts = [
        f"{template}\n\n"
        + make(
            random, random.choice(KINDS) if is_any_kind else kind, _length(random, lengths, size)
        )
        for _ in range(rows)
    ]
    systems = _systems(random, system_kind, kind, rows)
    is_templated = len(set(systems)) > 1
    traits = {
        "tokenizer": name,
        "prompts": "any kind" if is_any_kind else kind,
        "system": system_kind,
        "rows": str(rows),
        "lengths": lengths,
        "cache": random.choice(CACHES),
        "system text": "templated" if is_templated else "the same",
    }
    share = _bytes(systems) / (_bytes(systems) + _bytes(prompts))
    traits["share"] = f"{int(share * 10) * 10}%"
    return GeneratedRun(
        seed=seed,
        tokenizer=tokenizer,
        prompts=prompts,
        systems=systems,
        traits=traits,
        missing=0 if usual else random.choice((0, 0, 0, 0.3)),
        is_due=share >= BYTES_SHARE_MIN and min(map(tokenizer, set(systems))) >= TOKENS_MIN,
    )


def _bytes(texts: list[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def _length(random: Random, lengths: str, size: int) -> int:
    return {
        "equal": size,
        "near": int(size * random.uniform(0.9, 1.1)),
        "short": random.randrange(1, 60),
        "long tail": int(min(30_000, size * random.paretovariate(1.2))),
        "varied": int(size * 10 ** random.uniform(-0.7, 0.5)),
    }[lengths] or 1


def _systems(random: Random, kind: str, row_kind: str, rows: int) -> list[str]:
    size = int(10 ** random.uniform(1.7, 3.8))
    base = make(random, kind, size)
    if random.random() < 0.75:
        return [base] * rows
    longest = max(2, int(size * random.choice((0.1, 0.5, 1.5))))
    filled = random.choice((row_kind, "English", "words"))
    return [f"{base} {make(random, filled, random.randrange(1, longest))}" for _ in range(rows)]


def _tokenizer(random: Random, vocabularies: Mapping[str, Tokenizer]) -> tuple[str, Tokenizer]:
    """Choose one. Words are counted without noise: a line of Chinese is one word then, plus or minus
    nothing. No API counts so, and with noise nothing could tell it from a system text that was dropped.
    """
    named = {
        **vocabularies,
        **SIMPLE,
        "rates by script": by_script(random.randrange(10**6)),
        "pieces of words": by_pieces(random.randrange(10**6)),
        "pieces again": by_pieces(random.randrange(10**6)),
    }
    name = random.choice(list(named))
    if random.random() < 0.2 and "words" not in name:
        return f"{name}, with noise", noisy(named[name], random.choice((0.03, 0.1, 0.2)))
    return name, named[name]
