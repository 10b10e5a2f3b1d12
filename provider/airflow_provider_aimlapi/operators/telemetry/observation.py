"""Records what one try learns about its run: lineage, progress, summary. Sends nothing.

Metrics, the span, asset events and OpenLineage facets are derived from it. It holds counts, money,
names of columns and addresses, and neither text of a row nor the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.money.pricing import usd_from_nano_usd
from airflow_provider_aimlapi.core.reporting.run_progress import decode_progress
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.core.reporting.lineage import Lineage
    from airflow_provider_aimlapi.core.reporting.run_progress import RunProgress
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from airflow_provider_aimlapi.engine.world import ProgressSink
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

log = logger(__name__)

Fact = str | int | float


class Observation:
    """The record of one try of a task.

    Attributes:
        lineage: what the run reads and adds; None before the run may start.
        progress: the last progress that was stored; None before the first time.
        report: the run's summary; None before the run, or the share, is complete.
    """

    def __init__(self, listen: Callable[[RunProgress], None]) -> None:
        self.lineage: Lineage | None = None
        self.progress: RunProgress | None = None
        self.report: RunSummary | None = None
        self._share: int | None = None
        """The share's number; None for the whole run."""
        self._listen = listen
        """Called with each progress. It sends the metrics."""
        self._is_listening = True
        """False after the first failure of `_listen`, so that the log has one warning and not hundreds."""

    def keep_lineage(self, lineage: Lineage) -> None:
        """Keep what the run reads and adds."""
        self.lineage = lineage

    def observed_opener(
        self, open_sink: Callable[[ObjectStore, RunNames], ProgressSink]
    ) -> Callable[[ObjectStore, RunNames], ProgressSink]:
        """Return an opener of the same sink that also keeps each progress here."""

        def open_observed(store: ObjectStore, names: RunNames) -> ProgressSink:
            self._share = names.share
            return _ObservedSink(open_sink(store, names), self._keep_progress)

        return open_observed

    def facts_of_try(self) -> dict[str, Fact]:
        """Return the operator's return value, with `state`, `model` and `try_cost_usd`.

        Before the run is published these are the counts so far. A share's facts include its number.
        The result is empty before the run may start.
        """
        progress, report = self.progress, self.report
        if progress is None:
            return {}
        done = "published" if self._share is None else "complete"
        return {
            "state": progress.state if report is None else done,
            "model": progress.model,
            "try_cost_usd": usd_from_nano_usd(progress.attempts[-1].cost_nano_usd),
            **(
                _count_so_far(progress, self._share) if report is None else report.as_return_value()
            ),
        }

    def _keep_progress(self, data: bytes) -> None:
        progress = decode_progress(data)
        if progress is None or not self._is_listening:
            return
        self.progress = progress
        try:
            self._listen(progress)
        except Exception as error:  # noqa: BLE001  # metrics never end a run
            self._is_listening = False
            log.warning("Metrics cannot be sent. The run continues without them: %s", error)


class _ObservedSink:
    """A sink whose progress is also given to an observation."""

    def __init__(self, sink: ProgressSink, see: Callable[[bytes], None]) -> None:
        self.interval_s = sink.interval_s
        self.is_shared = sink.is_shared
        self._sink = sink
        self._keep_progress = see

    def recall(self) -> bytes | None:
        """Return what the sink holds."""
        return self._sink.recall()

    def publish(self, data: bytes) -> None:
        """Keep the progress, and store it in the sink. A failure of the sink is raised as it is."""
        self._keep_progress(data)
        self._sink.publish(data)


def _count_so_far(progress: RunProgress, share: int | None) -> dict[str, Fact]:
    """Return the counts of an unfinished run under the names of the operator's return value."""
    saved = progress.cache_saved_nano_usd
    return {
        "run_key": progress.run_key or "",
        **({} if share is None else {"share": share}),
        "output_path": progress.output,
        "rows": progress.rows,
        "rows_done": progress.rows_done,
        **progress.statuses,
        "repaired": progress.repaired,
        "reused": progress.rows_reused,
        "reused_answers": progress.reused_answers,
        "duplicates": progress.duplicates,
        "saved_usd": usd_from_nano_usd(progress.saved_nano_usd),
        "requests": progress.requests,
        "throttled": progress.throttled,
        "prompt_tokens": progress.prompt_tokens,
        "completion_tokens": progress.completion_tokens,
        "cache_hit_rate": round(progress.cache_hit_rate, 4),
        **({} if saved is None else {"cache_saved_usd": usd_from_nano_usd(saved)}),
        "cost_usd": usd_from_nano_usd(progress.cost_nano_usd),
        "bound_by": max(progress.bound_s, key=progress.bound_s.__getitem__, default=""),
    }
