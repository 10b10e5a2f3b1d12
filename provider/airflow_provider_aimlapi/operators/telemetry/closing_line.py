"""The last line of a task's log: rows, calls, tokens and money. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import STATUSES
from airflow_provider_aimlapi.core.texts.wording import format_count, format_duration, format_usd

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary


def closing_line(report: RunSummary) -> str:
    """Return a published run as text: "220 rows: 218 ok, 2 truncated · 225 calls, 5 throttled · …"."""
    line = " · ".join(
        (_format_rows(report), _format_calls(report), _format_money(report), _format_pace(report))
    )
    return f"{line}. {report.bound_sentence}" if report.bound_sentence else line


def _format_rows(report: RunSummary) -> str:
    counts = [(getattr(report.tally, status), status) for status in STATUSES]
    named = ", ".join(f"{count:,} {status}" for count, status in counts if count)
    return f"{report.tally.rows:,} rows{': ' if named else ''}{named}"


def _format_calls(report: RunSummary) -> str:
    if report.requests == 0:
        return "no calls: every row was answered before"
    reused = f", {report.reused:,} rows answered before" if report.reused else ""
    return f"{report.requests:,} calls, {report.throttled:,} throttled{reused}"


def _format_money(report: RunSummary) -> str:
    tally = report.tally
    unknown = tally.rows_without_cost
    gap = (
        f", plus {format_count(unknown, 'row')} whose cost the API did not report"
        if unknown
        else ""
    )
    return (
        f"{tally.prompt_tokens:,} tokens in, {tally.completion_tokens:,} out · "
        f"{format_usd(tally.cost_nano_usd)}{gap}"
    )


def _format_pace(report: RunSummary) -> str:
    decided = report.tally.rows - report.reused
    has_rate = report.requests > 0 and report.elapsed_s > 0
    rate = f", {decided / report.elapsed_s:,.1f} rows/s" if has_rate else ""
    return f"{format_duration(report.elapsed_s)}{rate} → {report.output_path}"
