"""A run's report of itself: the summary for XCom, and the progress line. Pure text and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.money.pricing import usd_from_nano_usd
from airflow_provider_aimlapi.core.texts.wording import format_duration, format_usd

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.manifest import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A published run, or a share of a run whose rows are all decided.

    Attributes:
        run_key: see `core.durable.keys`.
        manifest: its URI; of a share, the manifest does not exist yet.
        output_path: its URI.
        share: None for the whole run.
        tally: of all rows, whichever attempt paid for them.
        reused: rows that earlier attempts had answered.
        requests: calls of this attempt, those answered 429 included.
        throttled: calls of this attempt that were answered 429.
        elapsed_s: of this attempt.
        files: the files that plain readers see.
        size_bytes: of these files.
        cache_saved_nano_usd: what the prompt cache saved by the price list, or cost if negative; None if
            no price is known.
        bound_by: what held back this attempt's calls, see `core.pacing.bound`; empty without calls.
        bound_sentence: the same as a sentence, with what to change.
    """

    run_key: str
    manifest: str
    output_path: str
    tally: Tally
    reused: int
    requests: int
    throttled: int
    elapsed_s: float
    files: int = 0
    size_bytes: int = 0
    cache_saved_nano_usd: int | None = 0
    bound_by: str = ""
    bound_sentence: str = ""
    share: int | None = None

    def as_return_value(self) -> dict[str, str | int | float]:
        """Return the operator's return value: small, whatever the data."""
        tally, cache_saved = self.tally, self.cache_saved_nano_usd
        return {
            "run_key": self.run_key,
            **({} if self.share is None else {"share": self.share}),
            "manifest": self.manifest,
            "output_path": self.output_path,
            "rows": tally.rows,
            **tally.by_status(),
            "repaired": tally.repaired,
            "reused": self.reused,
            "reused_answers": tally.reused_answers,
            "duplicates": tally.duplicates,
            "saved_usd": usd_from_nano_usd(tally.saved_nano_usd),
            "requests": self.requests,
            "throttled": self.throttled,
            "prompt_tokens": tally.prompt_tokens,
            "completion_tokens": tally.completion_tokens,
            "cache_hit_rate": round(tally.cache_hit_rate, 4),
            **({} if cache_saved is None else {"cache_saved_usd": usd_from_nano_usd(cache_saved)}),
            "cost_usd": usd_from_nano_usd(tally.cost_nano_usd),
            "elapsed_s": round(self.elapsed_s, 3),
            "bound_by": self.bound_by,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """An instant of a running attempt.

    Attributes:
        rows: all rows of the run.
        rows_done: rows decided so far, earlier attempts included.
        rows_reused: rows that earlier attempts decided.
        in_flight: calls in flight.
        window: calls that are allowed in flight.
        throttled: 429s so far.
        cost_nano_usd: charged so far, earlier attempts included.
        elapsed_s: of this attempt.
        rows_per_s: the recent rate.
        bound_by: what held back calls for most of the time so far.
    """

    rows: int
    rows_done: int
    rows_reused: int
    in_flight: int
    window: int
    throttled: int
    cost_nano_usd: int
    elapsed_s: float
    rows_per_s: float
    bound_by: str = ""

    def log_line(self) -> str:
        """Return one line for the log, which holds nothing of a row."""
        share = self.rows_done / self.rows if self.rows else 1.0
        left = self.rows - self.rows_done
        eta = format_duration(left / self.rows_per_s) if self.rows_per_s > 0 else "unknown"
        return (
            f"{self.rows_done:,} of {self.rows:,} rows ({share:.1%}) · "
            f"{self.rows_per_s:,.1f} rows/s · {self.in_flight} of {self.window} in flight · "
            f"{self.throttled:,} throttled · {format_usd(self.cost_nano_usd)} so far · "
            f"time left {eta}{f' · bound by {self.bound_by}' if self.bound_by else ''}"
        )
