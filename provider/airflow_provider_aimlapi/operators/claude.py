"""The operator: turns arguments into a job, calls the engine once, returns a small summary."""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL
from airflow_provider_aimlapi.errors import AimlapiError
from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook
from airflow_provider_aimlapi.hooks.refusals import explain_refusal
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.airflow_errors import (
    airflow_error,
    causes_of,
    named_error,
    without_frames,
)
from airflow_provider_aimlapi.operators.argument_sets.job_arguments import job_of
from airflow_provider_aimlapi.operators.argument_sets.run_arguments import settings_of
from airflow_provider_aimlapi.operators.argument_sets.schema_argument import (
    class_of,
    plain_schema,
    schema_file,
)
from airflow_provider_aimlapi.operators.argument_sets.written_arguments import (
    check_files,
    check_written,
)
from airflow_provider_aimlapi.operators.links import RunReportLink, task_facts
from airflow_provider_aimlapi.operators.parking import (
    PARK_TIMEOUT_S,
    Parking,
    current_time,
    parked_until,
    parking_of_task,
)
from airflow_provider_aimlapi.operators.rendering import (
    explaining_braces,
    render_text,
    rendered_arguments,
    text_or_file,
)
from airflow_provider_aimlapi.operators.retry_policy import (
    DEFAULT_RETRY_POLICY,
    has_policy,
    policy_argument,
)
from airflow_provider_aimlapi.operators.telemetry.closing_line import (
    closing_line,
    truncation_warning,
)
from airflow_provider_aimlapi.operators.telemetry.openlineage import ReportsLineage
from airflow_provider_aimlapi.operators.telemetry.progress_sinks import ProgressSinkOpener
from airflow_provider_aimlapi.printable import printable_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import (
        BaseOperatorLink,
        Context,
        ObjectStoragePath,
        RetryPolicy,
    )
    from pydantic import BaseModel

    from airflow_provider_aimlapi.core.texts.setting_ranges import Caching, OnExisting, OnTruncated
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.operators.parking import OnStall
    from airflow_provider_aimlapi.operators.telemetry.observation import Observation


class ClaudeCompletionOperator(ReportsLineage, BaseOperator):
    """Asks Claude once for each row of a Parquet data set, and writes the answers as Parquet.

    No output file appears at `output_path` before all rows are done. A retry of the task continues
    where the last try stopped. A run that is already published costs nothing.

    Jinja renders `prompt` and `system` once for the task. Then `{column}` is filled from each row.
    Text from a row is never rendered and never searched. Double braces, `{%` and `{#` belong to
    Jinja, so write a column as `{body}`, with single braces. Write `{% raw %}…{% endraw %}` around
    braces that Jinja must leave alone, and a backslash before a brace that is no column's.

    Args:
        input_path: a Parquet file, a folder or a glob: s3://, gs://, abfs:// or file://, or an
            absolute local path. Airflow's `[aimlapi] allowed_schemes` adds other schemes. Do not
            take it from input that you do not trust.
        output_path: a folder outside the input.
        prompt: the user's message, or the name of a .txt, .md or .prompt file beside the DAG. The
            file's name may end in .j2 or .jinja after that.
        system: the system prompt, in the same way.
        model: the API's model id.
        max_tokens: the most tokens of an answer, thinking included.
        temperature: the model's parameter, sent as its dialect has it. None: not sent.
        top_p: likewise.
        top_k: likewise.
        stop_sequences: texts that end an answer. None: not sent.
        thinking: such as {"type": "enabled", "budget_tokens": 2048}. None: not sent.
        examples: few-shot examples, such as [({"body": "…"}, "…")]: a row's values and the answer.
        on_truncated: "keep" an answer that `max_tokens` cut off, or "raise": one more call with twice
            as many tokens, up to the model's maximum. The cut text is kept if that fails.
        output_schema: the form of each answer: a Pydantic class, a JSON schema, or the name of a .json
            file beside the DAG. The answers are then typed columns. None: answers are texts.
        repairs: how often an answer that does not follow the schema is sent back, 0 to 3.
        output_column: the column for the answer. `<output_column>_info` holds the rest. None: each
            property of the schema has a column of its own, beside `completion_info`.
        aimlapi_conn_id: the connection with the API key.
        storage_conn_id: the connection for both paths, unless a path's URL names one. None: the
            environment's own credentials.
        max_concurrency: the most calls in flight. The connection may allow fewer.
        requests_per_minute: a limit that you know. Each task keeps it in any 60 seconds. The
            connection may hold a lower one. None: the limit is found by trying.
        tokens_per_minute: the same for the tokens of prompts and answers.
        max_attempts: failed calls of one row before it is rejected, over all tries. Calls that fail
            while no row is answered do not count, nor do answers of 429.
        request_timeout_s: seconds for one call, from connecting to the answer's last byte.
        stall_timeout_s: seconds in which calls fail and none succeeds, after which the try ends.
        on_stall: what happens then, or when the key's limit for a day is used up. "fail" fails the
            try. "park" has Airflow start the same try again later, which uses up no retry. A task is
            parked only if the API itself refuses calls. Needs Airflow 3.1.7.
        park_timeout_s: seconds from a try's first parking until it fails all the same.
        max_cost_usd: the most that the run may cost, over all tries of the task. None: no limit.
        max_rejected_rows: a number of rows (int) or a fraction of them (float). With one more, the
            task fails and publishes nothing. Paid answers are kept. None: no limit.
        max_truncated_rows: the same for answers that were cut off at `max_tokens`.
        limit_rows: the number of rows from the start, to try a prompt. None: all rows.
        constant_prompt: whether a prompt that uses no column may be sent for more than one row.
        on_existing: "replace" another run's result at `output_path` once this run is complete, or fail
            with "error" before money is spent. The log states what differs and is paid for again.
        ask_once: whether rows that make the same request are sent once. False: each row is sent.
        reuse_from: other outputs whose answers to equal requests are taken, beside those of the
            result at `output_path`. Trust their writers. None: each row is paid for.
        retry_rejected: whether a retry of the task sends rejected rows again.
        check_arrival: whether the run ends when its first answers show that the API drops `system`.
        cache_prompt: "auto" lets the API cache what all prompts begin with. "never" does not.
        retry_policy: decides when Airflow, from 3.3 on, tries a failed task again. The default is an
            `AimlapiRetryPolicy` that respects your `retry_delay`.
        share: one share of the run, as `ClaudeCompletionPlanOperator` returned it. The task
            processes its rows and publishes nothing. None: the whole run, without the rows that
            tasks with a share have done. See `operators.workers`.

    Returns:
        A summary: run key, paths, row counts by status, tokens, cost_usd, elapsed_s.
    """

    template_fields_renderers: ClassVar[dict[str, str]] = {
        "prompt": "md",
        "system": "md",
        "thinking": "json",
        "output_schema": "json",
        "examples": "json",
    }
    ui_color = "#f4ece3"
    operator_extra_links: Collection[BaseOperatorLink] = (RunReportLink(),)
    # State of one try. The class holds the values before `execute`, because Airflow copies operators.
    _is_killed = False
    """Whether `on_kill` was called before the stop signal existed."""
    _stop: StopSignal | None = None
    """Ends the engine's work; None while the engine does not work."""
    _parking = Parking()
    """Whether this try may be parked, and how often it was."""
    _progress: ProgressSinkOpener | None = None
    """Holds the sink that stores progress; None before the run begins."""
    _seen: Observation | None = None
    """What this try has recorded about its run; None before `execute`."""

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
        examples: Sequence[tuple[Mapping[str, Any], str | Mapping[str, Any]]] | None = None,
        on_truncated: OnTruncated = "keep",
        output_schema: type[BaseModel] | Mapping[str, Any] | str | None = None,
        repairs: int | str = 1,
        output_column: str | None = "completion",
        aimlapi_conn_id: str = AIMLAPIHook.default_conn_name,
        storage_conn_id: str | None = None,
        max_concurrency: int | str = 256,
        requests_per_minute: int | str | None = None,
        tokens_per_minute: int | str | None = None,
        max_attempts: int | str = 8,
        request_timeout_s: float | str = 300.0,
        stall_timeout_s: float | str = 600.0,
        on_stall: OnStall = "fail",
        park_timeout_s: float | str = PARK_TIMEOUT_S,
        max_cost_usd: float | str | None = None,
        max_rejected_rows: float | str | None = 0.1,
        max_truncated_rows: float | str | None = None,
        limit_rows: int | str | None = None,
        constant_prompt: bool | str = False,
        on_existing: OnExisting = "replace",
        ask_once: bool | str = True,
        reuse_from: Sequence[str | ObjectStoragePath] | None = (),
        retry_rejected: bool | str = False,
        check_arrival: bool | str = True,
        cache_prompt: Caching = "auto",
        retry_policy: RetryPolicy | None = DEFAULT_RETRY_POLICY,
        share: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs, **policy_argument(retry_policy))
        self.input_path, self.temperature, self.cache_prompt = input_path, temperature, cache_prompt
        self.max_tokens, self.on_truncated, self.output_path = max_tokens, on_truncated, output_path
        self.examples, self.repairs, self.system, self.top_k = examples, repairs, system, top_k
        self.stall_timeout_s, self.max_attempts, self.prompt = stall_timeout_s, max_attempts, prompt
        self.storage_conn_id, self.check_arrival, self.model = storage_conn_id, check_arrival, model
        self.park_timeout_s, self.retry_rejected, self.top_p = park_timeout_s, retry_rejected, top_p
        self.on_existing, self.stop_sequences, self.on_stall = on_existing, stop_sequences, on_stall
        self.max_concurrency, self.limit_rows, self.thinking = max_concurrency, limit_rows, thinking
        self.max_cost_usd, self.reuse_from, self.ask_once = max_cost_usd, reuse_from, ask_once
        self.constant_prompt, self.output_column, self.share = constant_prompt, output_column, share
        self.aimlapi_conn_id, self.tokens_per_minute = aimlapi_conn_id, tokens_per_minute
        self.requests_per_minute, self.request_timeout_s = requests_per_minute, request_timeout_s
        self.max_rejected_rows, self.max_truncated_rows = max_rejected_rows, max_truncated_rows
        self.output_schema, self.answer_class = plain_schema(output_schema), class_of(output_schema)
        check_written(self)

    template_fields: Collection[str] = rendered_arguments(__init__)

    def resolve_template_files(self) -> None:
        """Read files when Airflow parses the DAG. For mapped tasks `render_template` reads them."""
        self.prompt = text_or_file(self, self.prompt)
        self.system = text_or_file(self, self.system)
        if (schema := schema_file(self, self.output_schema)) is not None:
            self.output_schema = schema
        check_files(self)
        self.prepare_template()

    def render_template(self, content: Any, context: Context, *args: Any, **kwargs: Any) -> Any:
        """Render as Airflow does, but prompts always to text.

        Raises:
            AirflowFailException: Jinja cannot render it. The text shows how a column is written.
        """
        # Airflow calls this for each field without its name, so a field is known by its identity.
        is_prompt = isinstance(content, str) and (content is self.prompt or content is self.system)
        is_schema = content is self.output_schema
        self._progress = self._progress or ProgressSinkOpener(context)
        with self._progress.reports_failure(self.model), explaining_braces():
            if is_prompt:
                return render_text(self, content, context)
            rendered = super().render_template(content, context, *args, **kwargs)
            if is_schema and (schema := schema_file(self, rendered)) is not None:
                return super().render_template(schema, context, *args, **kwargs)
            return rendered

    def execute(self, context: Context) -> dict[str, str | int | float]:
        """Run the job until all rows are decided and published.

        Raises:
            AirflowException: the try failed, and a retry continues the run.
            AirflowFailException: a retry would meet the same error.
            AirflowRescheduleException: the task is parked.
        """
        from airflow_provider_aimlapi.engine.blocking import RunPage, run_job
        from airflow_provider_aimlapi.operators.telemetry.asset_events import extend_asset_events
        from airflow_provider_aimlapi.operators.telemetry.metrics import RunMetrics
        from airflow_provider_aimlapi.operators.telemetry.observation import Observation
        from airflow_provider_aimlapi.operators.telemetry.tracing import run_span

        seen = self._seen = Observation(RunMetrics(context).send_changes)
        progress = self._progress = ProgressSinkOpener(context)
        early = progress.reports_failure(self.model)
        # The order matters: the span must close with the run's own error, before `_guard_engine` turns it
        # into Airflow's. The arguments are read inside, because a wrong one is an error of the run.
        with early, self._guard_engine() as stop, run_span(context, seen):
            self._parking = parking_of_task(
                context, on_stall=self.on_stall, park_timeout_s=self.park_timeout_s
            )
            report = seen.report = run_job(
                self._build_job(),
                self._build_settings(),
                share=arguments.read_optional_whole_number("share", self.share),
                stop=stop,
                emit_lineage=seen.keep_lineage,
                page=RunPage(open_sink=seen.observed_opener(progress), task=task_facts(context)),
            )
        if warning := truncation_warning(report):
            self.log.warning("%s", printable_text(warning))
        self.log.info("%s", printable_text(closing_line(report)))
        extend_asset_events(self.outlets, context, seen)
        return report.as_return_value()

    def estimate(
        self,
        context: Context | None = None,
        *,
        sample_rows: int = 0,
        answer_tokens: int | None = None,
    ) -> dict[str, str | int | float | bool | None]:
        """Estimate what this task would cost, without running it.

        Only a paid sample writes anything or costs money.

        Args:
            context: of a running task. It renders the templates of a copy. None: no templates.
            sample_rows: number of answers to measure. Missing ones are requested and paid. The run
                does not pay for them again. 0: nothing is spent.
            answer_tokens: mean length of an answer, used while no answer is measured.

        Returns:
            The same as `operators.estimate.ClaudeCompletionEstimateOperator`.

        Raises:
            AirflowException: for the same reasons as `execute`.
        """
        # A copy, because rendering replaces the fields, and `execute` may need the templates later.
        operator = copy(self)
        if context is not None:
            operator.render_template_fields(context)
        return operator._run_estimate(context, sample_rows, answer_tokens)  # noqa: SLF001  a copy of this one

    def _run_estimate(
        self, context: Context | None, sample_rows: int, answer_tokens: int | None
    ) -> dict[str, str | int | float | bool | None]:
        from airflow_provider_aimlapi.engine.blocking import RunPage, estimate_job
        from airflow_provider_aimlapi.engine.estimate.inquiry import Inquiry

        progress = self._progress = ProgressSinkOpener(context or {})
        with progress.reports_failure(self.model), self._guard_engine() as stop:
            estimate = estimate_job(
                self._build_job(),
                self._build_settings(),
                Inquiry(sample_rows=sample_rows, answer_tokens=answer_tokens),
                stop=stop,
                page=RunPage(open_sink=progress, task=task_facts(context or {})),
            )
        self.log.info("%s", printable_text(estimate.in_words()))
        return estimate.summary()

    @contextmanager
    def _guard_engine(self) -> Iterator[StopSignal]:
        """Let `on_kill` stop the engine's work, and turn its errors into Airflow's."""
        from airflow_provider_aimlapi.engine.runtime.stop import StopSignal

        stop = self._stop = StopSignal()
        if self._is_killed:
            stop.request_stop()  # SIGTERM came while Airflow prepared the task
        try:
            yield stop
        except AimlapiError as caught:
            # 1. A refusal may have a clearer cause, which free calls find out.
            # 2. A cause that will pass parks the task, which raises an exception of its own.
            # 3. Any other error becomes Airflow's, without frames, because some hold the key.
            error = explain_refusal(
                without_frames(caught), lambda: self._make_hook().endpoint, self.model
            )
            self._park_if_useful(error)
            raise airflow_error(error, has_policy=has_policy(self)) from causes_of(error)
        finally:
            self._is_killed, self._stop = False, None

    def _park_if_useful(self, error: AimlapiError) -> None:
        """End this try so that Airflow starts it again later, if waiting helps."""
        until = self._parking.start_again_at(error, current_time())
        if until is None:
            return
        notice = (
            f"Parked until {until:%Y-%m-%d %H:%M} UTC; no retry is used up. {named_error(error)}"
        )
        self.log.warning("%s", printable_text(notice))
        if self._progress is not None:
            self._progress.report_parked(notice)
        raise parked_until(until) from without_frames(error)

    def on_kill(self) -> None:
        """End the run cleanly: make no new calls, and keep the answers of calls in flight."""
        self._is_killed = True
        if self._stop is not None:
            self._stop.request_stop()

    def _build_job(self) -> Job:
        return job_of(self, self._make_hook().endpoint)

    def _build_settings(self) -> Settings:
        return settings_of(
            self, self._make_hook(), starts_with_probe=self._parking.starts_with_probe
        )

    def _make_hook(self) -> AIMLAPIHook:
        return AIMLAPIHook(arguments.read_text("aimlapi_conn_id", self.aimlapi_conn_id))
