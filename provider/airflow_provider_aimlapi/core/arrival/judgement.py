"""Judges from the token counts of a few answers whether the system text reached the model.

A gateway may drop a field that it does not know, and answer all the same. Its `prompt_tokens` then
fit the prompt alone. Two explanations are compared: either only the prompts were counted, or the
system texts, too. The first is accepted only if the second is refuted:

1. under each reading of the counts: `prompt_tokens` may or may not include cached and written
   tokens;
2. for a byte-pair vocabulary, with a wide range of rates for each class of characters, and noise;
3. for each simple way to count (characters, bytes, words), which is then exact.

A false alarm stops a good run, while a miss changes nothing. So in doubt there is no alarm.
"""

from __future__ import annotations

from enum import Enum
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aimlapi.core.arrival.box_fit import Fit, fit_in_bounds
from airflow_provider_aimlapi.core.arrival.text_counts import (
    FEWEST,
    MOST,
    TextCounts,
    fewest_tokens,
    most_tokens,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

REFUTED = 25.0
"""How badly an explanation must fit, in squared deviations. In 10,000 generated runs whose system text
arrived, the largest value was about two thirds of this."""
REFUTED_EXACTLY = 12.0
"""The same for ways to count that have no noise except rounding."""
SYSTEM_TOKENS_MIN = 12.0
"""A system text with fewer tokens than this is not judged, because a message's frame is as long."""
FRAME_TOKENS_MAX = 60.0
"""A generous limit for the tokens of roles and turns beside a request's texts."""
# No upper bound: the constant of both texts may have any size.
_ANY = 1e9
# Noise below this part of the usual is luck. Without a bound, a perfect fit would refute anything.
_NOISE_SHARE_MIN = 0.05
# Fewer rows beyond the coefficients do not show how large the noise is.
_FREE_ROWS_MIN = 4
# A few rows may be damaged or cut, so not every count has to fit.
_PLAUSIBLE_SHARE = 0.8
# A class with fewer of the tokens cannot explain a difference, so it takes no degree of freedom.
_WEIGHT_SHARE_MIN = 0.05
# The part of the shared text whose rates may differ from the rest, for each class of `TextCounts`.
# It is all of it for classes of many scripts: Hebrew may take a fifth of the tokens of Amharic.
_FREE_PARTS = (0.5,) * 7 + (1.0,) * 4 + (0.5, 1.0, 1.0)
# The fewest and the most tokens of a word between blanks, and of a word or sign.
_WORD_RATES = ((0.9, 2.2), (0.7, 1.5))


class Arrival(Enum):
    """The results of a judgement about the system text."""

    DROPPED = "dropped"
    ARRIVED = "arrived"
    UNKNOWN = "unknown"


class Sighting(NamedTuple):
    """One row that was sent and answered.

    Attributes:
        prompt: the counts of its prompt.
        system: the counts of its system text.
        prompt_tokens, cached_tokens, cache_write_tokens: as the answer reports them, or None.
    """

    prompt: TextCounts
    system: TextCounts
    prompt_tokens: int | None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class Judgement(NamedTuple):
    """The result of all rows together, with an example.

    Attributes:
        arrival: the verdict.
        rows: the rows that it rests on.
        prompt_tokens: of the middle row, as its answer reports them.
        expected_tokens: of that row's prompt and system text together, roughly.
    """

    arrival: Arrival
    rows: int = 0
    prompt_tokens: int = 0
    expected_tokens: int = 0


def judge_arrival(sightings: Sequence[Sighting]) -> Judgement:
    """Compare the two explanations over all rows that can be judged."""
    rows = [row for row in sightings if _is_judged(row)]
    if not rows or max(fewest_tokens(row.system) for row in rows) < SYSTEM_TOKENS_MIN:
        return Judgement(Arrival.UNKNOWN, len(rows))
    texts = _Texts(rows)
    readings = [_Reading(texts, tokens) for tokens in _readings_of_counts(rows)]
    # The API means one reading. That of the prompts alone is the one that fits best.
    best = min(readings, key=lambda reading: reading.without.misfit)
    if any(reading.is_plausible for reading in readings) and all(
        reading.refutes_arrival(best.without.misfit) for reading in readings
    ):
        return _judgement_with_example(rows, best.without)
    if all(reading.refutes_loss for reading in readings):
        return Judgement(Arrival.ARRIVED, len(rows))
    return Judgement(Arrival.UNKNOWN, len(rows))


def _is_judged(row: Sighting) -> bool:
    return bool(row.prompt_tokens and row.system.characters)


def _readings_of_counts(rows: Sequence[Sighting]) -> list[tuple[int, ...]]:
    """Return each way to count a prompt's tokens: with or without the cached and the written ones."""
    readings = {
        tuple(
            (row.prompt_tokens or 0)
            + is_cached_separate * (row.cached_tokens or 0)
            + is_written_separate * (row.cache_write_tokens or 0)
            for row in rows
        )
        for is_cached_separate, is_written_separate in product((False, True), repeat=2)
    }
    return sorted(readings)


class _Texts:
    """The texts of all rows, prepared for both explanations.

    All prompts may share a long template, whose rates differ a little from those of the rows. The
    same holds for all system texts. A part of both is therefore put into a constant with a lower
    and an upper bound; in classes of many scripts, all of it.

    Attributes:
        alone: a constant, and the counts of each prompt without that part.
        together: the same, with the counts of each system text without that part.
        alone_least, alone_most: the bounds of the constant without the system texts, in tokens.
        together_least: the lower bound of the constant with the system texts.
        fewest: the fewest tokens of each prompt and system text together.
        plausible: the tokens that each prompt alone may have.
        words: for each way to count words, the words of both texts.
    """

    def __init__(self, rows: Sequence[Sighting]) -> None:
        prompts, systems = [row.prompt for row in rows], [row.system for row in rows]
        template, frame = _shared_counts(prompts), _shared_counts(systems)
        beyond = [_difference_of_counts(text.counts_by_class, template) for text in prompts]
        self.alone = [(1, *counts) for counts in beyond]
        self.together = [
            (
                1,
                *map(
                    sum,
                    zip(counts, _difference_of_counts(text.counts_by_class, frame), strict=True),
                ),
            )
            for counts, text in zip(beyond, systems, strict=True)
        ]
        self.alone_least = _dot_product(FEWEST, template)
        self.alone_most = _dot_product(MOST, template) + FRAME_TOKENS_MAX
        self.together_least = self.alone_least + _dot_product(FEWEST, frame)
        self.fewest = [fewest_tokens(row.prompt) + fewest_tokens(row.system) for row in rows]
        self.plausible = [
            (0.6 * fewest_tokens(text) - 2, 1.3 * most_tokens(text) + FRAME_TOKENS_MAX)
            for text in prompts
        ]
        spaced = [(1, row.prompt.spaced_words + row.system.spaced_words) for row in rows]
        signs = [(1, row.prompt.regex_words + row.system.regex_words) for row in rows]
        self.words = (spaced, signs)

    def free_rows(self, tokens: Sequence[int]) -> int:
        """Count the rows beyond the coefficients that matter, the constant included."""
        most_counts = map(max, zip(*self.alone, strict=True))
        weights = [counts * rate for counts, rate in zip(most_counts, (_ANY, *MOST), strict=True)]
        least = _WEIGHT_SHARE_MIN * max(tokens)
        return len(tokens) - len([weight for weight in weights if weight > least])


def _shared_counts(texts: Sequence[TextCounts]) -> tuple[float, ...]:
    fewest = map(min, zip(*(text.counts_by_class for text in texts), strict=True))
    return tuple(part * times for part, times in zip(_FREE_PARTS, fewest, strict=True))


def _difference_of_counts(counts: Sequence[float], fewer: Sequence[float]) -> tuple[float, ...]:
    return tuple(a - b for a, b in zip(counts, fewer, strict=True))


class _Reading:
    """Both explanations, fitted to one reading of the token counts."""

    def __init__(self, texts: _Texts, tokens: Sequence[int]) -> None:
        self._texts = texts
        self._tokens = tokens
        self._deviations = [(4 + 0.5 * count + (0.05 * count) ** 2) ** 0.5 for count in tokens]
        self.without = fit_in_bounds(
            texts.alone,
            tokens,
            self._deviations,
            (texts.alone_least, *FEWEST),
            (texts.alone_most, *MOST),
        )
        self._with = fit_in_bounds(
            texts.together, tokens, self._deviations, (texts.together_least, *FEWEST), (_ANY, *MOST)
        )

    @property
    def is_plausible(self) -> bool:
        """Whether most counts are possible for the prompts alone."""
        fitting = [
            least <= count <= most
            for count, (least, most) in zip(self._tokens, self._texts.plausible, strict=True)
        ]
        return sum(fitting) >= _PLAUSIBLE_SHARE * len(fitting)

    @property
    def refutes_loss(self) -> bool:
        """Whether the counts cannot be those of the prompts alone."""
        return self._excess_misfit(self._with, self.without) >= REFUTED

    def refutes_arrival(self, best_misfit: float) -> bool:
        """Return whether the counts cannot be those of prompts and system texts, in any way of counting.

        Args:
            best_misfit: of the prompts alone, under the reading that fits best.
        """
        rows = len(self._tokens)
        is_refuted = (
            self._excess_misfit(self.without, self._with) >= REFUTED
            or self._lack_of_tokens() >= REFUTED
            or self._with.misfit >= 6 * rows + REFUTED * best_misfit
        )
        return is_refuted and all(
            self._simple_misfit(column, rates) >= REFUTED_EXACTLY
            for column, rates in zip(self._texts.words, _WORD_RATES, strict=True)
        )

    def _excess_misfit(self, better: Fit, worse: Fit) -> float:
        """Return how much worse a fit is, in units of the noise that the better one leaves."""
        free = self._texts.free_rows(self._tokens)
        if free < _FREE_ROWS_MIN:  # too few rows to determine the noise: assume the usual
            noise = 2.5 * max(1.0, better.misfit / len(self._tokens))
        else:
            noise = max(_NOISE_SHARE_MIN, better.misfit / free * (1 + 8 / free))
        return (worse.misfit - better.misfit) / noise

    def _lack_of_tokens(self) -> float:
        """Return how far the counts are below the fewest tokens of both texts."""
        return sum(
            max(0.0, (fewest - count) / (1.5 + 0.025 * count)) ** 2
            for count, fewest in zip(self._tokens, self._texts.fewest, strict=True)
        )

    def _simple_misfit(
        self, counts: Sequence[tuple[int, int]], rates: tuple[float, float]
    ) -> float:
        least, most = rates
        deviations = [1 + 0.002 * count for count in self._tokens]
        return fit_in_bounds(counts, self._tokens, deviations, (0, least), (20, most)).misfit


def _judgement_with_example(rows: Sequence[Sighting], alone: Fit) -> Judgement:
    """Return the verdict that the texts were dropped, with the numbers of the middle row."""
    # The middle row is a usual one. The first may be the shortest of all.
    row = sorted(rows, key=lambda row: row.prompt_tokens or 0)[len(rows) // 2]
    tokens = row.prompt_tokens or 0
    system = _dot_product(alone.coefficients[1:], row.system.counts_by_class)
    return Judgement(Arrival.DROPPED, len(rows), tokens, round(tokens + system))


def _dot_product(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
