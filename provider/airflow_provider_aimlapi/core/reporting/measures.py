"""Counts of a run's rows and calls, of bounded size whatever its length. Mutable; no clock, no I/O.

Each count takes well under a microsecond, because it happens for every row or call.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import COMPLETION_STATUSES, STATUSES
from airflow_provider_aimlapi.core.reporting.call_figures import ErrorKind, Latency, Series
from airflow_provider_aimlapi.core.texts.redaction import cut_to_bytes

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.manifest import Tally

# A curve on the page is a few hundred pixels wide.
SERIES_POINTS_MAX = 240
RATE_SAMPLES = 8
"""The samples of the rate. With half as many, one slow second would distort it; with twice as many,
it would lag."""

BINS_PER_E = 20
"""Latency bins are 5% wide, which is precise enough for percentiles."""
BINS = 300
"""The last bin begins at 55 minutes, longer than any time-out."""
# More bars are too narrow to be told apart.
SHOWN_BINS_MAX = 40

# The limits of the progress: with these, errors take at most a quarter of its 64 KB.
ERROR_KINDS_MAX = 8
SAMPLES_MAX = 2
SAMPLE_BYTES_MAX = 1_000


Point = tuple[float, int, int, int, int, int]
"""Seconds; then rows, calls in flight, window, throttled calls, cost."""


class OutcomeCounts:
    """Rows by status, and the tokens of their answers.

    Attributes:
        prompt_tokens: of all rows counted, without reused answers and duplicates.
        completion_tokens: the same.
        cached_tokens, cache_write_tokens: of these, read from the prompt cache, and written to it.
        cache_reads: the rows counted that read from it.
        repaired: the rows counted that needed a repair, without these.
        reused_answers: rows with an answer that another run has paid for.
        duplicates: rows with the answer to another row.
        saved_nano_usd: what was paid for the answers of both.
    """

    def __init__(self) -> None:
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.cached_tokens = self.cache_write_tokens = self.cache_reads = 0
        self.repaired = 0
        self.reused_answers = 0
        self.duplicates = 0
        self.saved_nano_usd = 0
        self._statuses = dict.fromkeys(STATUSES, 0)

    def add_outcome(self, outcome: Outcome) -> None:
        """Count a row."""
        self._statuses[outcome.status] += 1
        if outcome.reused_from is not None or outcome.same_as is not None:
            self.reused_answers += outcome.reused_from is not None
            self.duplicates += outcome.is_duplicate
            self.saved_nano_usd += outcome.saved_nano_usd or 0
            return
        self.prompt_tokens += outcome.prompt_tokens or 0
        self.completion_tokens += outcome.completion_tokens or 0
        if outcome.cached_tokens or outcome.cache_write_tokens:
            self.cached_tokens += outcome.cached_tokens or 0
            self.cache_write_tokens += outcome.cache_write_tokens or 0
            self.cache_reads += bool(outcome.cached_tokens)
        self.repaired += outcome.repairs > 0

    def add_tally(self, tally: Tally) -> None:
        """Count the rows of a tally."""
        self.prompt_tokens += tally.prompt_tokens
        self.completion_tokens += tally.completion_tokens
        self.cached_tokens += tally.cached_tokens
        self.cache_write_tokens += tally.cache_write_tokens
        self.cache_reads += tally.cache_reads
        self.repaired += tally.repaired
        self.reused_answers += tally.reused_answers
        self.duplicates += tally.duplicates
        self.saved_nano_usd += tally.saved_nano_usd
        for status in STATUSES:
            self._statuses[status] += getattr(tally, status)

    def without_others(self, others: OutcomeCounts) -> OutcomeCounts:
        """Return the counts of this object less those of a second one, which it includes."""
        rest = OutcomeCounts()
        rest.prompt_tokens = self.prompt_tokens - others.prompt_tokens
        rest.completion_tokens = self.completion_tokens - others.completion_tokens
        rest.cached_tokens = self.cached_tokens - others.cached_tokens
        rest.cache_write_tokens = self.cache_write_tokens - others.cache_write_tokens
        rest.cache_reads = self.cache_reads - others.cache_reads
        rest.repaired = self.repaired - others.repaired
        rest.reused_answers = self.reused_answers - others.reused_answers
        rest.duplicates = self.duplicates - others.duplicates
        rest.saved_nano_usd = self.saved_nano_usd - others.saved_nano_usd
        for status, rows in self._statuses.items():
            rest._statuses[status] = rows - others._statuses[status]
        return rest

    @property
    def completed_rows(self) -> int:
        """Rows with a completion."""
        return sum(self._statuses[status] for status in COMPLETION_STATUSES)

    def rows_by_status(self) -> dict[str, int]:
        """Return the rows of each status, zeros included."""
        return {str(status): rows for status, rows in self._statuses.items()}


class LatencyCounts:
    """The durations of answered calls, in bins whose width grows with the duration."""

    def __init__(self) -> None:
        self._counts = [0] * BINS
        self._longest_s = 0.0

    def add_call(self, latency_s: float) -> None:
        """Count a call."""
        # Bins grow with the duration, so one table serves milliseconds and minutes alike.
        index = int(math.log1p(latency_s * 1000.0) * BINS_PER_E)
        self._counts[index if index < BINS else BINS - 1] += 1
        if latency_s > self._longest_s:  # noqa: PLR1730  # max() costs twice as much
            self._longest_s = latency_s

    def summary_of_latencies(self) -> Latency:
        """Return percentiles and a coarse histogram, in milliseconds."""
        calls = sum(self._counts)
        return Latency(
            calls=calls,
            p50_ms=self._percentile_ms(calls * 0.5),
            p90_ms=self._percentile_ms(calls * 0.9),
            p99_ms=self._percentile_ms(calls * 0.99),
            max_ms=round(self._longest_s * 1000.0, 1),
            bins=self._shown_bins(),
        )

    def _percentile_ms(self, wanted: float) -> float:
        """Return the upper edge of the bin that holds the wanted share of calls."""
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(_edge_ms(index + 1), round(self._longest_s * 1000.0, 1))
        return 0.0

    def _shown_bins(self) -> tuple[tuple[float, int], ...]:
        """Return the bins from the first to the last with a call, joined until they are few enough."""
        used = [index for index, count in enumerate(self._counts) if count]
        if not used:
            return ()
        first, last = used[0], used[-1]
        width = -(-(last - first + 1) // SHOWN_BINS_MAX)
        return tuple(
            (
                _edge_ms(min(index + width, BINS)),
                sum(islice(self._counts, index, min(index + width, BINS))),
            )
            for index in range(first, last + 1, width)
        )


class ErrorCounts:
    """Failed calls by kind and HTTP status, with a few samples of their texts."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int | None], int] = {}
        self._samples: dict[tuple[str, int | None], list[str]] = {}

    def add_error(self, kind: str, status: int | None, text: str) -> None:
        """Count an error. Its text must hold nothing of a row."""
        key = (kind, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        samples = self._samples.setdefault(key, [])
        if len(samples) < SAMPLES_MAX:
            sample = cut_to_bytes(text, SAMPLE_BYTES_MAX)
            if sample not in samples:
                samples.append(sample)

    def most_frequent_kinds(self) -> tuple[ErrorKind, ...]:
        """Return the kinds, the most frequent first. Kinds beyond the limit are summed up."""
        ranked = sorted(self._counts.items(), key=lambda item: -item[1])
        shown = ranked if len(ranked) <= ERROR_KINDS_MAX else ranked[: ERROR_KINDS_MAX - 1]
        kinds = [
            ErrorKind(
                kind=kind, status=status, count=count, samples=tuple(self._samples[kind, status])
            )
            for (kind, status), count in shown
        ]
        rest = sum(count for _, count in ranked[len(shown) :])
        if rest:
            kinds.append(ErrorKind(kind="other", status=None, count=rest, samples=()))
        return tuple(kinds)


class RecentRate:
    """The rows decided per second, over the last samples."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=RATE_SAMPLES)

    def add_sample(self, at_s: float, rows: int) -> float:
        """Take a sample and return the rate.

        Args:
            at_s: a time that grows, from any start.
            rows: the rows decided so far.
        """
        self._samples.append((at_s, rows))
        first_s, first_rows = self._samples[0]
        return (rows - first_rows) / (at_s - first_s) if at_s > first_s else 0.0


class SeriesRecorder:
    """The attempt over time: one point per sample. When there are too many, every second one is dropped.

    Attributes:
        rows_per_s: the recent rate of decided rows.
    """

    def __init__(self) -> None:
        self.rows_per_s = 0.0
        self._points: list[Point] = []
        self._newest: Point = (0.0, 0, 0, 0, 0, 0)
        self._recent = RecentRate()
        self._step = 1
        self._seen = 0

    def add_sample(
        self, at_s: float, rows: int, *, in_flight: int, window: int, throttled: int, cost: int
    ) -> None:
        """Take a sample.

        Args:
            at_s: seconds since the attempt began.
            rows: the rows that it has decided so far.
            throttled: the 429s so far.
            cost: the charges so far, in nano-dollars.
        """
        self.rows_per_s = self._recent.add_sample(at_s, rows)
        point = (round(at_s, 1), rows, in_flight, window, throttled, cost)
        if self._seen % self._step == 0:
            self._points.append(point)
        self._newest = point
        self._seen += 1
        if len(self._points) >= SERIES_POINTS_MAX:
            self._points = self._points[::2]
            self._step *= 2

    def series_so_far(self) -> Series:
        """Return the points, column by column."""
        points = self._points
        # The newest point may be one that was left out. Without it, the curve would end in the
        # past.
        if points and points[-1] is not self._newest:
            points = [*points, self._newest]
        columns = list(zip(*points, strict=True)) or [()] * 6
        at_s, rows, in_flight, window, throttled, cost = columns
        return Series(
            at_s=tuple(map(float, at_s)),
            rows=tuple(map(int, rows)),
            in_flight=tuple(map(int, in_flight)),
            window=tuple(map(int, window)),
            throttled=tuple(map(int, throttled)),
            cost_nano_usd=tuple(map(int, cost)),
        )


def _edge_ms(index: int) -> float:
    """Return a bin's edge. The first edges are 0.05 ms apart, so they need two digits."""
    return round(math.expm1(index / BINS_PER_E), 2)
