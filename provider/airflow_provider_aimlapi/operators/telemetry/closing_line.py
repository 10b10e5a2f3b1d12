"""The last lines of a task's log: rows, calls, tokens and money, and a warning. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.completion import STATUSES
from airflow_provider_aimlapi.core.texts.wording import format_count, format_duration, format_usd

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary


TRUNCATED_SHARE_MAX = 0.1
"""A larger share of truncated answers gets a warning. `max_tokens` is then too low for the task, and not
only for a few long answers."""


def truncation_warning(report: RunSummary) -> str:
    """Return a warning if more than a tenth of the answers are truncated; "" if not."""
    tally = report.tally
    if tally.truncated <= TRUNCATED_SHARE_MAX * tally.completed_rows:
        return ""
    return (
        f"Raise max_tokens: {tally.truncated:,} of {tally.completed_rows:,} answers were cut off at it. That "
        f"makes another run, which pays for all rows again. max_truncated_rows ends such a run early."
    )


def closing_line(report: RunSummary) -> str:
    """Return a published run as text: "220 rows: 218 ok, 2 truncated · 225 calls, 5 throttled · …"."""
    line = " · ".join(
        (_format_rows(report), _format_calls(report), _format_money(report), _format_pace(report))
    )
    return f"{line}. {report.bound_sentence}" if report.bound_sentence else line


def _format_rows(report: RunSummary) -> str:
    counts = [(getattr(report.tally, status), status) for status in STATUSES]
    named = ", ".join(f"{count:,} {status}" for count, status in counts if count)
    repaired = f", {report.tally.repaired:,} repaired" if report.tally.repaired else ""
    return f"{report.tally.rows:,} rows{': ' if named else ''}{named}{repaired}{_format_unpaid(report)}"


def _format_unpaid(report: RunSummary) -> str:
    tally = report.tally
    counts = (
        (tally.duplicates, "with the same request as another row"),
        (tally.reused_answers, "reused from other runs"),
    )
    named = " and ".join(f"{count:,} of them {what}" for count, what in counts if count)
    saved = f", {format_usd(tally.saved_nano_usd)} saved" if tally.saved_nano_usd else ""
    return f", {named}{saved}" if named else ""


def _format_calls(report: RunSummary) -> str:
    if report.requests == 0:
        return f"no calls: {_why_no_calls(report)}"
    reused = f", {report.reused:,} rows answered before" if report.reused else ""
    return f"{report.requests:,} calls, {report.throttled:,} throttled{reused}"


def _why_no_calls(report: RunSummary) -> str:
    # A run without calls may also have rows of this attempt that have nothing to send, such as nulls.
    rows = report.tally.rows
    if rows == 0:
        return "the input has no rows"
    if report.reused == rows:
        return "every row was decided before"
    if report.tally.reused_answers:
        return "other runs have answered every row that has something to send"
    return "no row was left to send"


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
        f"{format_usd(tally.cost_nano_usd)}{gap}{_format_cache(report)}"
    )


def _format_cache(report: RunSummary) -> str:
    tally, saved = report.tally, report.cache_saved_nano_usd
    if not tally.cached_tokens and not tally.cache_write_tokens:
        return ""
    effect = "saved" if (saved or 0) >= 0 else "lost"
    amount = "" if saved is None else f", {format_usd(abs(saved))} {effect}"
    return f" · prompt cache: {tally.cache_hit_rate:.1%} hits{amount}"


def _format_pace(report: RunSummary) -> str:
    decided = report.tally.rows - report.reused
    has_rate = report.requests > 0 and report.elapsed_s > 0
    rate = f", {decided / report.elapsed_s:,.1f} rows/s" if has_rate else ""
    return f"{format_duration(report.elapsed_s)}{rate} → {report.output_path}"
