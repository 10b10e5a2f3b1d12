from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.durable.manifest import Tally
from airflow_provider_aimlapi.core.reporting.run_summary import Progress, RunSummary

REPORT = RunSummary(
    run_key="ab" * 16,
    manifest="s3://lake/out/_aimlapi/ab/manifest.json",
    output_path="s3://lake/out/",
    tally=Tally(
        ok=900,
        truncated=40,
        refused=30,
        rejected=20,
        skipped=10,
        prompt_tokens=5000,
        completion_tokens=7000,
        cached_tokens=100,
        cost_nano_usd=1_234_567_891,
    ),
    reused=100,
    requests=950,
    throttled=7,
    elapsed_s=61.23456,
    bound_by="api:rate",
)
PROGRESS = Progress(
    rows=200_000,
    rows_done=50_000,
    rows_reused=1_000,
    in_flight=180,
    window=200,
    throttled=1_234,
    cost_nano_usd=12_340_000_000,
    elapsed_s=100.0,
    rows_per_s=1_250.0,
)


def test_the_return_value_is_the_one_that_was_promised() -> None:
    assert REPORT.as_return_value() == {
        "run_key": "ab" * 16,
        "manifest": "s3://lake/out/_aimlapi/ab/manifest.json",
        "output_path": "s3://lake/out/",
        "rows": 1000,
        "ok": 900,
        "truncated": 40,
        "refused": 30,
        "invalid": 0,
        "rejected": 20,
        "skipped": 10,
        "repaired": 0,
        "reused": 100,
        "reused_answers": 0,
        "duplicates": 0,
        "saved_usd": 0.0,
        "requests": 950,
        "throttled": 7,
        "prompt_tokens": 5000,
        "completion_tokens": 7000,
        "cache_hit_rate": 0.0,
        "cache_saved_usd": 0.0,
        "cost_usd": 1.234567891,
        "elapsed_s": 61.235,
        "bound_by": "api:rate",
    }


def test_the_return_value_shows_a_loss_of_the_cache() -> None:
    tally = Tally(ok=3, cached_tokens=10, cache_write_tokens=90, cache_reads=1)
    report = replace(REPORT, tally=tally, cache_saved_nano_usd=-20_000_000)
    summary = report.as_return_value()
    assert (summary["cache_hit_rate"], summary["cache_saved_usd"]) == (0.3333, -0.02)
    unknown = replace(report, cache_saved_nano_usd=None).as_return_value()
    assert "cache_saved_usd" not in unknown


def test_the_return_value_goes_through_json_and_stays_small() -> None:
    large = replace(REPORT, tally=Tally(ok=10**9, cost_nano_usd=10**15))
    assert json.loads(json.dumps(large.as_return_value())) == large.as_return_value()
    assert len(json.dumps(large.as_return_value())) < 1000


def test_progress_line_shows_rows_rate_cost_and_time() -> None:
    assert PROGRESS.log_line() == (
        "50,000 of 200,000 rows (25.0%) · 1,250.0 rows/s · 180 of 200 in flight · "
        "1,234 throttled · 12.34 USD so far · time left 2 min 0 s"
    )


def test_a_progress_line_says_what_holds_calls_back() -> None:
    assert (
        replace(PROGRESS, bound_by="max_concurrency")
        .log_line()
        .endswith(" · bound by max_concurrency")
    )


def test_time_left_is_unknown_while_nothing_is_answered() -> None:
    assert replace(PROGRESS, rows_per_s=0.0).log_line().endswith("time left unknown")


def test_a_run_without_rows_is_whole() -> None:
    line = replace(PROGRESS, rows=0, rows_done=0).log_line()
    assert line.startswith("0 of 0 rows (100.0%)")


@given(done=st.integers(0, 10**9), left=st.integers(0, 10**9), rate=st.floats(0.001, 1e6))
def test_a_progress_line_is_one_line_of_bounded_length(done: int, left: int, rate: float) -> None:
    line = replace(PROGRESS, rows=done + left, rows_done=done, rows_per_s=rate).log_line()
    assert "\n" not in line
    assert len(line) < 200
