"""The operator: arguments into a job, one call of the engine, a small summary. No work of its own."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL
from airflow_provider_aimlapi.errors import AimlapiError
from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook
from airflow_provider_aimlapi.hooks.refusals import told_apart
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.airflow_errors import airflow_error, without_frames
from airflow_provider_aimlapi.operators.completion_arguments import (
    COMPLETION_ARGUMENTS,
    check_written,
    completion_of,
)
from airflow_provider_aimlapi.operators.links import RunReportLink
from airflow_provider_aimlapi.operators.locations import open_place, parse_location
from airflow_provider_aimlapi.operators.parking import (
    PARK_TIMEOUT_S,
    Parking,
    now,
    parked_until,
    parking,
)
from airflow_provider_aimlapi.operators.rendering import (
    explaining_braces,
    render_text,
    text_or_file,
)
from airflow_provider_aimlapi.operators.retry_policy import (
    DEFAULT_RETRY_POLICY,
    has_policy,
    policy_argument,
)
from airflow_provider_aimlapi.operators.telemetry.closing_line import closing_line
from airflow_provider_aimlapi.operators.telemetry.openlineage import TellsLineage
from airflow_provider_aimlapi.operators.telemetry.progress_sinks import ProgressPlace
from airflow_provider_aimlapi.printable import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import (
        BaseOperatorLink,
        Context,
        ObjectStoragePath,
        RetryPolicy,
    )

    from airflow_provider_aimlapi.engine.job import Job, Place
    from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.operators.telemetry.observation import Observation


class ClaudeCompletionOperator(TellsLineage, BaseOperator):
    """Asks Claude once for each row of a Parquet data set, and writes the answers as Parquet.

    Nothing shows at `output_path` before all rows are done. A retry of the task takes up where
    the last attempt stopped; a run that is already published costs nothing.

    `prompt` and `system` are rendered by Jinja first, once for the task; then `{column}` is filled
    from each row. Text that came from a row is never rendered and never searched. Double braces,
    `{%` and `{#` belong to Jinja, so a column is written `{body}` and never in double braces; for
    literal ones write `{% raw %}…{% endraw %}`. For a literal brace before a column's name write
    a backslash and the brace.

    Args:
        input_path: a Parquet file, a folder or a glob: s3://, gs://, abfs:// or file://, or an
            absolute local path. Other schemes only where Airflow's `[aimlapi] allowed_schemes` has
            them. Not to be taken from input that you do not trust.
        output_path: a folder, outside the input.
        prompt: the user's message, or the name of a .txt, .md or .prompt file beside the DAG; .j2 or
            .jinja may follow.
        system: the system prompt, in the same way.
        model: the API's model id.
        max_tokens: most tokens of an answer, thinking included.
        temperature, top_p, top_k, stop_sequences, thinking: the model's parameters, sent as its
            dialect has them; None: not sent.
        output_column: receives the text; `<output_column>_info` receives the rest.
        aimlapi_conn_id: the connection with the API key.
        storage_conn_id: the connection for both paths; one inside a path's URL goes before it.
            None: the environment's own credentials.
        max_concurrency: most calls in flight; the connection may allow fewer.
        requests_per_minute, tokens_per_minute: limits that are known, kept in any minute by each
            task; the connection may hold lower ones. None: the limit is found by trying.
        max_attempts: failed exchanges of one row before it is rejected, over all tries; those that
            fail while nothing is answered and those answered 429 do not count.
        request_timeout_s: seconds for one exchange, from connecting to the answer's last byte.
        stall_timeout_s: seconds in which calls fail and none succeeds, after which the try ends.
        on_stall: what then, or when the key's limit for a day is used up: "fail" this try, or
            "park" the task: Airflow starts the same try again later, and no retry is used up. Only
            where the API itself says no. Needs Airflow 3.1.7.
        park_timeout_s: seconds from a try's first parking on, after which it fails all the same.
        max_cost_usd: the most that the run may cost, over all attempts of the task; None: no limit.
        max_rejected_rows: a number of rows (int) or a share of them (float); beyond it the task
            fails and publishes nothing. What was paid for is kept.
        limit_rows: only the first so many rows, for trying a prompt out.
        constant_prompt: whether a prompt without any column may be sent for more than one row.
        on_existing: when the result of another run (another prompt, model or input) is at
            output_path: "replace" it once this run is complete, or "error" before money is spent.
        retry_rejected: whether a retry of the task asks again for rows that were rejected.
        check_arrival: whether the run ends when its first answers show that `system` is dropped.
        retry_policy: from Airflow 3.3 on, who decides when a failed try is tried again: unless you
            give another, or None, an `AimlapiRetryPolicy` that keeps to a `retry_delay` of yours.
            Before 3.3 it is left out.
        share: asks for the rows of one share only, and publishes nothing: a number that
            `ClaudeCompletionPlanOperator` returned. None: the whole run, whatever shares of it are
            done already. See `operators.workers`.

    Returns:
        A summary: run key, paths, row counts by status, tokens, cost_usd, elapsed_s.
    """

    template_fields: Collection[str] = (
        "input_path",
        "output_path",
        "prompt",
        "system",
        "model",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "thinking",
        "output_column",
        "aimlapi_conn_id",
        "storage_conn_id",
        "max_concurrency",
        "requests_per_minute",
        "tokens_per_minute",
        "max_attempts",
        "request_timeout_s",
        "stall_timeout_s",
        "on_stall",
        "park_timeout_s",
        "max_cost_usd",
        "max_rejected_rows",
        "limit_rows",
        "constant_prompt",
        "on_existing",
        "retry_rejected",
        "check_arrival",
        "share",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "prompt": "md",
        "system": "md",
        "thinking": "json",
    }
    ui_color = "#f4ece3"
    operator_extra_links: Collection[BaseOperatorLink] = (RunReportLink(),)
    _is_killed = False
    _stop: StopSignal | None = None
    _parking = Parking()
    _progress: ProgressPlace | None = None
    _seen: Observation | None = None

    def __init__(
        self,
        *,
        input_path: str | ObjectStoragePath,
        output_path: str | ObjectStoragePath,
        prompt: str,
        system: str | None = None,
        model: str = DEFAULT_MODEL,
        max_tokens: int | str | None = 1024,
        temperature: float | str | None = None,
        top_p: float | str | None = None,
        top_k: int | str | None = None,
        stop_sequences: Sequence[str] | None = None,
        thinking: Mapping[str, Any] | None = None,
        output_column: str = "completion",
        aimlapi_conn_id: str = AIMLAPIHook.default_conn_name,
        storage_conn_id: str | None = None,
        max_concurrency: int | str = 256,
        requests_per_minute: int | str | None = None,
        tokens_per_minute: int | str | None = None,
        max_attempts: int | str = 8,
        request_timeout_s: float | str = 300.0,
        stall_timeout_s: float | str = 600.0,
        on_stall: str = "fail",
        park_timeout_s: float | str = PARK_TIMEOUT_S,
        max_cost_usd: float | str | None = None,
        max_rejected_rows: float | str = 0.1,
        limit_rows: int | str | None = None,
        constant_prompt: bool | str = False,
        on_existing: str = "replace",
        retry_rejected: bool | str = False,
        check_arrival: bool | str = True,
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        share: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs, **policy_argument(retry_policy))
        self.input_path, self.output_path = input_path, output_path
        self.prompt, self.system = prompt, system
        self.model = model
        self.max_tokens = max_tokens
        self.temperature, self.top_p, self.top_k = temperature, top_p, top_k
        self.stop_sequences = stop_sequences
        self.thinking = thinking
        self.output_column = output_column
        self.aimlapi_conn_id = aimlapi_conn_id
        self.storage_conn_id = storage_conn_id
        self.max_concurrency = max_concurrency
        self.requests_per_minute = requests_per_minute
        self.tokens_per_minute = tokens_per_minute
        self.max_attempts = max_attempts
        self.request_timeout_s = request_timeout_s
        self.stall_timeout_s, self.park_timeout_s = stall_timeout_s, park_timeout_s
        self.on_stall = on_stall
        self.max_cost_usd = max_cost_usd
        self.max_rejected_rows = max_rejected_rows
        self.limit_rows, self.constant_prompt = limit_rows, constant_prompt
        self.retry_rejected, self.check_arrival = retry_rejected, check_arrival
        self.on_existing, self.share = on_existing, share
        check_written(self)

    def resolve_template_files(self) -> None:
        """Read prompt files when Airflow reads the DAG; `render_template` does it for mapped tasks."""
        self.prompt = text_or_file(self, self.prompt)
        self.system = text_or_file(self, self.system)
        self.prepare_template()

    def render_template(self, content: Any, context: Context, *args: Any, **kwargs: Any) -> Any:
        """Render as Airflow does, prompts always to text; an error says how a column is written."""
        is_prompt = isinstance(content, str) and (content is self.prompt or content is self.system)
        with explaining_braces():
            if is_prompt:
                return render_text(self, content, context)
            return super().render_template(content, context, *args, **kwargs)

    def execute(self, context: Context) -> dict[str, str | int | float]:
        """Run the job to its end."""
        from airflow_provider_aimlapi.engine.blocking import run_job
        from airflow_provider_aimlapi.operators.telemetry.asset_events import tell_assets
        from airflow_provider_aimlapi.operators.telemetry.metrics import RunMetrics
        from airflow_provider_aimlapi.operators.telemetry.observation import Observation
        from airflow_provider_aimlapi.operators.telemetry.tracing import run_span

        seen = self._seen = Observation(RunMetrics(context).tell)
        with self._stoppable() as stop, run_span(context, seen):
            self._parking = parking(
                context, on_stall=self.on_stall, park_timeout_s=self.park_timeout_s
            )
            self._progress = ProgressPlace(context)
            report = seen.report = run_job(
                self._job(),
                self._settings(),
                share=arguments.optional_whole_number("share", self.share),
                stop=stop,
                tell_lineage=seen.learn,
                open_sink=seen.beside(self._progress),
            )
        self.log.info("%s", printable(closing_line(report)))
        tell_assets(self.outlets, context, seen)
        return report.summary()

    def estimate(
        self,
        context: Context | None = None,
        *,
        sample_rows: int = 0,
        answer_tokens: int | None = None,
    ) -> dict[str, str | int | float | bool | None]:
        """What this task would cost, without running it.

        Nothing is written, and nothing is spent but for a paid sample.

        Args:
            context: of a running task; templates are rendered with it, on a copy. None: there is
                nothing to render.
            sample_rows: answers to measure by: those missing are asked for, and paid. They are kept
                for the run, which does not pay for them again. 0: nothing is spent.
            answer_tokens: mean length of an answer, if you know it; a measurement goes first.

        Returns:
            As `operators.estimate.ClaudeCompletionEstimateOperator`.

        Raises:
            AirflowException: as `execute`.
        """
        operator = copy(self)
        if context is not None:
            operator.render_template_fields(context)
        return operator._estimate(sample_rows, answer_tokens)  # noqa: SLF001  a copy of this one

    def _estimate(
        self, sample_rows: int, answer_tokens: int | None
    ) -> dict[str, str | int | float | bool | None]:
        from airflow_provider_aimlapi.engine.blocking import estimate_job
        from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry

        with self._stoppable() as stop:
            inquiry = Inquiry(sample_rows=sample_rows, answer_tokens=answer_tokens)
            estimate = estimate_job(self._job(), self._settings(), inquiry, stop=stop)
        self.log.info("%s", printable(estimate.words()))
        return estimate.summary()

    @contextmanager
    def _stoppable(self) -> Iterator[StopSignal]:
        """Around the engine's work: `on_kill` reaches it, and its errors become Airflow's."""
        from airflow_provider_aimlapi.engine.runtime.stop import StopSignal

        stop = self._stop = StopSignal()
        if self._is_killed:
            stop.request()
        try:
            yield stop
        except AimlapiError as caught:
            error = told_apart(without_frames(caught), lambda: self._hook().endpoint, self.model)
            self._park(error)
            raise airflow_error(error, has_policy=has_policy(self)) from without_frames(error)
        finally:
            self._is_killed, self._stop = False, None

    def _park(self, error: AimlapiError) -> None:
        """End this process where waiting helps, and have Airflow start the same try again then."""
        until = self._parking.until(error, now())
        if until is None:
            return
        said = f"Parked until {until:%Y-%m-%d %H:%M} UTC; no retry is used up. {error}"
        self.log.warning("%s", printable(said))
        if self._progress is not None:
            self._progress.tell_parked(said)
        raise parked_until(until) from without_frames(error)

    def on_kill(self) -> None:
        """End the run cleanly: no new calls, those in flight are waited for and kept."""
        self._is_killed = True
        if self._stop is not None:
            self._stop.request()

    def _job(self) -> Job:
        from airflow_provider_aimlapi.engine.job import Job, OnExisting

        return Job(
            completion=completion_of({name: getattr(self, name) for name in COMPLETION_ARGUMENTS}),
            prompt=arguments.text("prompt", self.prompt),
            system=arguments.optional_text("system", self.system),
            output_column=arguments.text("output_column", self.output_column),
            limit_rows=arguments.optional_whole_number("limit_rows", self.limit_rows),
            constant_prompt=arguments.flag("constant_prompt", self.constant_prompt),
            endpoint=self._hook().endpoint,
            input=self._place("input_path"),
            output=self._place("output_path"),
            on_existing=arguments.one_of("on_existing", self.on_existing, get_args(OnExisting)),
        )

    def _settings(self) -> Settings:
        from airflow_provider_aimlapi.engine.settings import Settings

        max_concurrency = arguments.whole_number("max_concurrency", self.max_concurrency)
        allowed = self._hook().max_concurrency
        return Settings(
            max_concurrency=max_concurrency if allowed is None else min(max_concurrency, allowed),
            requests_per_minute=self._given("requests_per_minute"),
            tokens_per_minute=self._given("tokens_per_minute"),
            max_attempts=arguments.whole_number("max_attempts", self.max_attempts),
            request_timeout_s=arguments.number("request_timeout_s", self.request_timeout_s),
            stall_timeout_s=arguments.number("stall_timeout_s", self.stall_timeout_s),
            looks_first=self._parking.looks_first,
            max_cost_usd=arguments.optional_number("max_cost_usd", self.max_cost_usd),
            max_rejected_rows=arguments.number(
                "max_rejected_rows", self.max_rejected_rows, such_as="0.1 or 100"
            ),
            retry_rejected=arguments.flag("retry_rejected", self.retry_rejected),
            check_arrival=arguments.flag("check_arrival", self.check_arrival),
        )

    def _given(self, limit: str) -> int | None:
        """The lower of the operator's and the connection's limit, where there is one."""
        own = arguments.optional_whole_number(limit, getattr(self, limit))
        given = [one for one in (own, self._hook().limit(limit)) if one is not None]
        return min(given, default=None)

    def _hook(self) -> AIMLAPIHook:
        return AIMLAPIHook(arguments.text("aimlapi_conn_id", self.aimlapi_conn_id))

    def _place(self, argument: str) -> Place:
        location = parse_location(
            getattr(self, argument),
            argument=argument,
            storage_conn_id=arguments.optional_text("storage_conn_id", self.storage_conn_id),
        )
        return open_place(location)
