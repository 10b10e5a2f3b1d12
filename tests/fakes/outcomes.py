"""An outcome with a value in each field, which differs from all others and from the default."""

from __future__ import annotations

from airflow_provider_aimlapi.core.calls.completion import Outcome

FULL = Outcome(
    row=0,
    status="truncated",
    text="Two sentences.\x00 \U0001f40d",
    error="max_tokens cut it",
    finish_reason="length",
    model="claude-sonnet-4.6",
    prompt_tokens=11,
    completion_tokens=22,
    cached_tokens=3,
    cost_nano_usd=1_234_567,
    attempts=2,
    inference_id="inf-1",
    request_hash="ab" * 32,
    completed_at_us=1_767_225_600_000_001,
    reasoning_tokens=9,
    cache_write_tokens=5,
    raw="No JSON.",
    repairs=1,
)
