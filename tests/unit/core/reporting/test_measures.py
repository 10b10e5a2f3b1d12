"""What is counted of a run stays small, is close to the truth, and holds nothing of a row."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.calls.completion import Outcome
from airflow_provider_aimlapi.core.durable.manifest import Tally
from airflow_provider_aimlapi.core.reporting.measures import (
    ERROR_KINDS_MAX,
    SAMPLE_BYTES_MAX,
    SAMPLES_MAX,
    SERIES_POINTS_MAX,
    SHOWN_BINS_MAX,
    ErrorCounts,
    LatencyCounts,
    OutcomeCounts,
    SeriesRecorder,
)


def test_percentiles_are_within_a_bin_of_the_truth() -> None:
    chance = random.Random(7)  # noqa: S311  # so that it is the same each time
    latencies = [chance.lognormvariate(0.5, 0.6) for _ in range(20_000)]
    counts = LatencyCounts()
    for latency_s in latencies:
        counts.add_call(latency_s)
    told = counts.summary_of_latencies()
    latencies.sort()
    assert told.calls == len(latencies)
    for share, told_ms in ((0.5, told.p50_ms), (0.9, told.p90_ms), (0.99, told.p99_ms)):
        true_ms = latencies[int(share * len(latencies)) - 1] * 1000
        assert true_ms * 0.99 <= told_ms <= true_ms * 1.06
    assert told.max_ms == pytest.approx(latencies[-1] * 1000, abs=0.1)


@given(st.lists(st.floats(min_value=0, max_value=1e7), max_size=60))
@example([0.0, 0.00390625])  # bins of less than a tenth of a millisecond
def test_the_histogram_holds_each_call_once_in_few_bins(latencies: list[float]) -> None:
    counts = LatencyCounts()
    for latency_s in latencies:
        counts.add_call(latency_s)
    told = counts.summary_of_latencies()
    edges = [edge for edge, _ in told.bins]
    assert sum(calls for _, calls in told.bins) == len(latencies)
    assert len(told.bins) <= SHOWN_BINS_MAX
    assert edges == sorted(set(edges))
    assert told.p50_ms <= told.p90_ms <= told.p99_ms <= told.max_ms


def test_long_run_has_few_points_and_keeps_both_ends() -> None:
    recorder = SeriesRecorder()
    for second in range(100_000):
        recorder.add_sample(
            float(second), second * 10, in_flight=7, window=9, throttled=second, cost=second
        )
    series = recorder.series_so_far()
    assert SERIES_POINTS_MAX / 3 < len(series.at_s) <= SERIES_POINTS_MAX
    assert (series.at_s[0], series.at_s[-1]) == (0.0, 99_999.0)
    assert list(series.at_s) == sorted(set(series.at_s))
    assert series.rows == tuple(int(at_s) * 10 for at_s in series.at_s)
    assert recorder.rows_per_s == pytest.approx(10.0)


def test_points_of_a_thinned_series_are_evenly_apart() -> None:
    recorder = SeriesRecorder()
    for second in range(1_001):
        recorder.add_sample(float(second), 0, in_flight=0, window=0, throttled=0, cost=0)
    at_s = recorder.series_so_far().at_s
    gaps = {after - before for before, after in pairwise(at_s)}
    assert len(gaps) == 1


def test_outcomes_are_counted_by_status_whoever_paid() -> None:
    counts = OutcomeCounts()
    counts.add_tally(Tally(ok=5, rejected=1, prompt_tokens=50, completion_tokens=20))
    counts.add_outcome(Outcome(row=0, status="ok", prompt_tokens=7, completion_tokens=3))
    counts.add_outcome(Outcome(row=1, status="skipped"))
    told = {"ok": 6, "truncated": 0, "refused": 0, "invalid": 0, "rejected": 1, "skipped": 1}
    assert counts.rows_by_status() == told
    assert (counts.prompt_tokens, counts.completion_tokens) == (57, 23)


def test_what_others_decided_can_be_left_out() -> None:
    counts, others = OutcomeCounts(), OutcomeCounts()
    for one in (counts, others):
        one.add_tally(Tally(ok=5, rejected=1, prompt_tokens=50, completion_tokens=20))
    counts.add_outcome(Outcome(row=0, status="ok", prompt_tokens=7, completion_tokens=3))
    rest = counts.without_others(others)
    assert {status: rows for status, rows in rest.rows_by_status().items() if rows} == {"ok": 1}
    assert (rest.prompt_tokens, rest.completion_tokens) == (7, 3)
    assert counts.rows_by_status()["ok"] == 6


def test_reads_and_writes_of_the_cache_are_counted() -> None:
    counts, own = OutcomeCounts(), OutcomeCounts()
    counts.add_tally(Tally(ok=2, cached_tokens=50, cache_write_tokens=60, cache_reads=1))
    own.add_tally(Tally(ok=2, cached_tokens=50, cache_write_tokens=60, cache_reads=1))
    counts.add_outcome(Outcome(row=0, status="ok", cached_tokens=0, cache_write_tokens=7))
    counts.add_outcome(Outcome(row=1, status="ok", cached_tokens=7))
    counts.add_outcome(Outcome(row=2, status="ok"))
    assert (counts.cached_tokens, counts.cache_write_tokens, counts.cache_reads) == (57, 67, 2)
    rest = counts.without_others(own)
    assert (rest.cached_tokens, rest.cache_write_tokens, rest.cache_reads) == (7, 7, 1)


def test_errors_are_ranked_and_rare_kinds_are_added_up() -> None:
    counts = ErrorCounts()
    for status in range(400, 440):
        for _ in range(status - 399):
            counts.add_error("RequestRejected", status, f"refused with {status}")
    kinds = counts.most_frequent_kinds()
    assert len(kinds) == ERROR_KINDS_MAX
    assert [kind.count for kind in kinds[:-1]] == sorted(range(34, 41), reverse=True)
    assert (kinds[-1].kind, kinds[-1].count) == ("other", sum(range(1, 34)))
    assert kinds[0].samples == ("refused with 439",)


def test_error_samples_are_few_and_short() -> None:
    counts = ErrorCounts()
    for number in range(10):
        counts.add_error("RequestRejected", 400, f"refused {number // 2}: " + "x" * 10_000)
    (kind,) = counts.most_frequent_kinds()
    assert (kind.count, len(kind.samples)) == (10, SAMPLES_MAX)
    assert max(map(len, kind.samples)) <= SAMPLE_BYTES_MAX + 1
