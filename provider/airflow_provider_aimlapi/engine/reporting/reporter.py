"""Publish a run's progress every few seconds, and at its end with a report. It decides nothing.

A sink that fails or blocks must not harm a run: it is logged once, and the run continues.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from msgspec.structs import replace

from airflow_provider_aimlapi.core.calls.completion import STATUSES
from airflow_provider_aimlapi.core.durable.object_sizes import REPORT_BYTES_MAX
from airflow_provider_aimlapi.core.reporting.replaced_costs import replaced_costs
from airflow_provider_aimlapi.core.reporting.run_progress import (
    TEXT_BYTES_MAX,
    AttemptProgress,
    Inherited,
    ReplacedCost,
    RunProgress,
    decode_progress,
    earlier_attempts,
    encode_progress,
    error_text,
    with_attempt,
)
from airflow_provider_aimlapi.core.texts.redaction import cut_to_bytes
from airflow_provider_aimlapi.core.texts.wording import format_duration
from airflow_provider_aimlapi.engine.durable.lease import Superseded
from airflow_provider_aimlapi.engine.runtime.companions import Companion, run_beside
from airflow_provider_aimlapi.errors import RunInterrupted
from airflow_provider_aimlapi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine

    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.reporting.run_progress import State
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.reporting.attempt_counts import AttemptCounts
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.engine.world import World

log = logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

SINK_S_MAX = 10.0
"""The longest that a run waits for one call of a sink. No other call begins before it has returned."""
FINAL_S_MAX = 30.0
"""The longest that a run that has ended waits for a sink and its report: three calls of a slow sink."""


def _harmless(
    method: Callable[Concatenate[Reporter, P], Awaitable[None]],
) -> Callable[Concatenate[Reporter, P], Coroutine[Any, Any, None]]:
    """Let no bug in the page's progress end a run, or hide the error that ended it."""

    async def harmless(self: Reporter, /, *args: P.args, **kwargs: P.kwargs) -> None:
        await run_beside(method(self, *args, **kwargs), "progress page")

    return harmless


class Reporter:
    """Publishes one attempt's progress.

    The world's `open_sink` opens the sink, and its `render_report` makes the HTML that is written
    beside the manifest. Where one is None, that step is left out.
    """

    def __init__(self, prepared: Prepared, settings: Settings, world: World) -> None:
        open_sink, clock = world.open_sink, world.clock
        self._prepared = prepared
        self._sink = open_sink(prepared.store, prepared.names) if open_sink else None
        self._render = world.render_report
        # A share may spend only its part, so its page would show a budget that does not hold for
        # it.
        self._budget_nano_usd = settings.budget_nano_usd if prepared.share is None else None
        self._clock = clock
        self._epoch = 0  # 0 until the attempt has one
        self._started_us = clock.wall_us()
        self._earlier: tuple[AttemptProgress, ...] = ()  # the attempts before this one
        self._recalled: RunProgress | None = None  # the progress that one of them has published
        self._has_recalled = False
        self._replaced: tuple[
            ReplacedCost, ...
        ] = ()  # the costs of runs that this one has replaced
        self._counts: AttemptCounts | None = None
        self._released = frozenset[int]()  # the earlier epochs that released their lease
        self._let_go = asyncio.Event()
        self._call: asyncio.Future[Any] | None = None  # the last one of the sink
        self._is_silent = False  # a newer attempt publishes to the same place
        self._has_warned = False

    @_harmless
    async def report_begin(self, epoch: int) -> None:
        """Publish that this attempt waits until it may pay."""
        self._epoch = epoch
        await self._recall_progress(Inherited())
        await self._publish_progress(self._progress_now("waiting"))

    @_harmless
    async def report_wait(self, state: State, left_s: float) -> None:
        """Publish that this attempt waits for others, and the latest end of the wait."""
        until_us = self._clock.wall_us() + round(left_s * 1e6)
        await self._publish_progress(replace(self._progress_now(state), waits_until_us=until_us))

    def watch_counts(self, counts: AttemptCounts, released: Collection[int] = ()) -> None:
        """Report these counts from now on.

        Args:
            released: the earlier epochs that released their lease.
        """
        self._counts = counts
        self._released = frozenset(released)

    def as_companion(self) -> Companion:
        """Return the work that publishes the progress beside the calls."""
        return Companion(name="progress page", work=self.publish_always, end=self.let_go)

    @_harmless
    async def publish_always(self) -> None:
        """Publish every few seconds, until `let_go` is called.

        Do not cancel this: a thread could then write after the final progress was written.
        """
        if self._sink is None:
            return
        while not self._let_go.is_set():
            await self._publish_progress(self._progress_now("running"))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._sink.interval_s):
                    await self._let_go.wait()

    def let_go(self) -> None:
        """End `publish_always`, once the progress that it may be publishing is written."""
        self._let_go.set()

    @_harmless
    async def report_publishing(self) -> None:
        """Publish that all rows are decided, and their parts are being shown."""
        await self._publish_progress(self._progress_now("publishing"))

    @_harmless
    async def report_superseded(self) -> None:
        """Publish that a newer attempt has begun, and leave a shared sink to it."""
        await self._publish_progress(self._progress_now("superseded"))
        self._is_silent = self._sink is not None and self._sink.is_shared

    @_harmless
    async def report_failure(self, error: Exception) -> None:
        """Publish why the run ended early, and write the report."""
        state: State = "failed"
        if isinstance(error, RunInterrupted):
            state = "superseded" if isinstance(error, Superseded) else "stopped"
        if not self._has_recalled:  # otherwise what earlier tries paid would be overwritten
            await self._recall_progress(Inherited())
        await self._publish_last(self._progress_now(state, error=error))

    @_harmless
    async def report_completion(self, manifest: Manifest) -> None:
        """Publish that the run, or the share, is complete, and write the report."""
        # Published before this attempt began. Only the manifest knows what earlier attempts paid.
        if self._counts is None and self._recalled is None:
            await self._recall_progress(_inherited_from(manifest))
        progress = self._progress_now("published" if self._prepared.share is None else "complete")
        if self._counts is None:
            progress = _from_manifest(progress, manifest)
        await self._publish_last(progress)

    @_harmless
    async def report_sample(self) -> None:
        """Publish that the paid sample of an estimate is complete, and write the report."""
        await self._publish_last(self._progress_now("sampled"))

    def _progress_now(self, state: State, error: Exception | None = None) -> RunProgress:
        text = None if error is None else error_text(error)
        progress = replace(self._earlier_progress(), state=state, updated_us=self._clock.wall_us())
        attempt = AttemptProgress(
            epoch=self._epoch,
            first_epoch=self._epoch,
            state=state,
            started_us=self._started_us,
            updated_us=progress.updated_us,
            error=text,
        )
        if self._counts is not None:
            self._counts.add_sample()
            if self._recalled is not None:
                # Computed each time, because this attempt meets the rows of earlier ones one part
                # after another.
                inherited = self._counts.inherited_counts()
                self._earlier = earlier_attempts(self._recalled, inherited, self._released)
            progress = self._counts.add_to(progress)
            attempt = self._counts.add_to_attempt(attempt)
        return replace(progress, attempts=with_attempt(self._earlier, attempt))

    def _earlier_progress(self) -> RunProgress:
        """Return the progress without this attempt's counts, as earlier attempts left it."""
        if self._recalled is not None:
            return replace(
                self._recalled,
                in_flight=0,
                rows_per_s=0.0,
                expected_left_s=None,
                waits_until_us=None,
            )
        names, store, job = self._prepared.names, self._prepared.store, self._prepared.job
        return RunProgress(
            run_key=names.run_key,
            state="waiting",
            model=cut_to_bytes(job.completion.model, TEXT_BYTES_MAX),
            input=cut_to_bytes(job.input.fs.unstrip_protocol(job.input.path), TEXT_BYTES_MAX),
            output=self._output_uri(),
            manifest=cut_to_bytes(store.uri(names.manifest_name), TEXT_BYTES_MAX),
            report=cut_to_bytes(store.uri(names.report_name), TEXT_BYTES_MAX),
            updated_us=0,
            rows=self._prepared.plan.rows,
            budget_nano_usd=self._budget_nano_usd,
            replaced=self._replaced,
        )

    async def _recall_progress(self, inherited: Inherited) -> None:
        """Read what was published before, with what earlier attempts had decided and paid."""
        if self._sink is None:
            return
        try:
            data = await self._in_time(self._sink.recall)
        except Exception as error:  # noqa: BLE001  # whatever it is, the run continues without
            self._warn_once(error)
            return
        self._has_recalled = True
        recalled = None if data is None else decode_progress(data)
        # 1. Progress of this run is continued. 2. A try that failed before its run had a key is an
        #    attempt of whatever run comes next. 3. The progress of another run ends here, and its cost
        #    is kept.
        if recalled is not None and self._is_of_this_run(recalled):
            self._recalled = recalled
            self._earlier = earlier_attempts(recalled, inherited)
        elif recalled is not None and recalled.run_key is None:
            self._earlier = recalled.attempts
            self._replaced = recalled.replaced
        elif recalled is not None:
            self._replaced = replaced_costs(recalled)

    def _is_of_this_run(self, recalled: RunProgress) -> bool:
        """Return whether a progress is of this run: the same job may have run at another output."""
        is_same_job = recalled.run_key == self._prepared.names.run_key
        return is_same_job and recalled.output == self._output_uri()

    def _output_uri(self) -> str:
        return cut_to_bytes(self._prepared.store.uri(""), TEXT_BYTES_MAX)

    async def _publish_progress(self, progress: RunProgress) -> None:
        if self._sink is None or self._is_silent:
            return
        try:
            await self._in_time(self._sink.publish, encode_progress(progress))
        except Exception as error:  # noqa: BLE001  # whatever it is, the run continues without
            self._warn_once(error)

    async def _in_time(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work; leave it behind if it takes too long.

        Raises:
            TimeoutError: it takes too long, or the work before it has not ended yet.
        """
        # One call at a time, because a slow sink could otherwise store an older progress last.
        # `wait` leaves a slow call alone. `wait_for` would cancel it, and its thread would still
        # write.
        if self._call is None or self._call.done():
            self._call = self._clock.aside(partial(call, *args, **kwargs))
            self._call.add_done_callback(_retrieve_error)
            await asyncio.wait({self._call}, timeout=SINK_S_MAX)
            if self._call.done():
                result: T = self._call.result()
                return result
        raise TimeoutError(f"It did not answer for {format_duration(SINK_S_MAX)}.")

    async def _publish_last(self, progress: RunProgress) -> None:
        try:
            async with asyncio.timeout(FINAL_S_MAX):
                # What it writes is older than the final progress, so that comes after it.
                if self._call is not None:
                    await asyncio.wait({self._call})
                await self._publish_progress(progress)
                await self._write_report(progress)
        except TimeoutError as error:
            self._warn_once(error)

    async def _write_report(self, progress: RunProgress) -> None:
        """Write the report, but not over a newer attempt's, and not over one with more figures."""
        if self._render is None or self._is_silent or progress.state == "superseded":
            return
        store, name = self._prepared.store, self._prepared.names.report_name
        try:
            if self._counts is None:
                # This attempt made no call. Another one's report has curves and errors, which this
                # one lacks.
                found = await self._in_time(partial(store.read, name, bytes_max=REPORT_BYTES_MAX))
                if found is not None:
                    return
            data = await self._in_time(self._render, progress)
            await self._in_time(store.write, name, data)
        except Exception as error:  # noqa: BLE001  # whatever it is, the run does not need it
            self._warn_once(error)

    def _warn_once(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "The run page is not up to date, but the run continues: %s: %s",
                type(error).__name__,
                error,
            )


def _retrieve_error(call: asyncio.Future[Any]) -> None:
    """Retrieve the error of a call that was left behind, because asyncio would log it."""
    if not call.cancelled():
        call.exception()


def _inherited_from(manifest: Manifest) -> Inherited:
    """Return what the attempts of a published run decided and paid."""
    tally = manifest.tally
    return Inherited(
        rows=tally.rows, statuses=_statuses_of(manifest), cost_nano_usd=tally.cost_nano_usd
    )


def _statuses_of(manifest: Manifest) -> dict[str, int]:
    return {str(status): getattr(manifest.tally, status) for status in STATUSES}


def _from_manifest(progress: RunProgress, manifest: Manifest) -> RunProgress:
    """Return the progress of a run that was published before."""
    tally = manifest.tally
    return replace(
        progress,
        rows=tally.rows,
        rows_done=tally.rows,
        rows_reused=tally.rows,
        statuses=_statuses_of(manifest),
        repaired=tally.repaired,
        reused_answers=tally.reused_answers,
        duplicates=tally.duplicates,
        saved_nano_usd=tally.saved_nano_usd,
        prompt_tokens=tally.prompt_tokens,
        completion_tokens=tally.completion_tokens,
        cached_tokens=tally.cached_tokens,
        cache_write_tokens=tally.cache_write_tokens,
        cache_reads=tally.cache_reads,
        cost_nano_usd=tally.cost_nano_usd,
        expected_left_s=0.0,
        expected_cost_nano_usd=tally.cost_nano_usd,
    )
