from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_aimlapi.core.durable.manifest import Tally
from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
from airflow_provider_aimlapi.operators.telemetry.closing_line import (
    closing_line,
    truncation_warning,
)


def report(reused: int = 0, requests: int = 0, **statuses: int) -> RunSummary:
    return RunSummary(
        run_key="key",
        manifest="/out/manifest.json",
        output_path="/out",
        tally=Tally(**statuses),
        reused=reused,
        requests=requests,
        throttled=0,
        elapsed_s=1.0,
    )


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        (report(), "the input has no rows"),
        (report(ok=9, reused=9), "every row was decided before"),
        (report(skipped=9), "no row was left to send"),
        (report(ok=4, skipped=5, reused=4), "no row was left to send"),
    ],
)
def test_run_without_calls_says_why(published: RunSummary, reason: str) -> None:
    assert f"no calls: {reason} · " in closing_line(published)


@pytest.mark.parametrize(
    ("saved_nano_usd", "words"),
    [
        (2_340_000_000, "prompt cache: 75.0% hits, 2.34 USD saved"),
        (-2_340_000_000, "prompt cache: 75.0% hits, 2.34 USD lost"),
        (None, "prompt cache: 75.0% hits · "),
    ],
)
def test_the_effect_of_the_prompt_cache_is_shown(saved_nano_usd: int | None, words: str) -> None:
    tally = Tally(ok=4, cached_tokens=30, cache_write_tokens=10, cache_reads=3)
    marked = replace(report(), tally=tally, cache_saved_nano_usd=saved_nano_usd)
    assert f" · {words}" in closing_line(marked)
    assert "cache" not in closing_line(report(ok=4))


@pytest.mark.parametrize(
    ("truncated", "ok", "is_warned"),
    [(0, 0, False), (0, 9, False), (1, 9, False), (2, 9, True), (535, 25, True), (1, 0, True)],
)
def test_more_than_a_tenth_truncated_is_warned_of(truncated: int, ok: int, is_warned: bool) -> None:
    warning = truncation_warning(report(truncated=truncated, ok=ok, skipped=100, requests=1))
    assert bool(warning) == is_warned
    if is_warned:
        assert warning.startswith(f"Raise max_tokens: {truncated:,} of {truncated + ok:,} answers ")
