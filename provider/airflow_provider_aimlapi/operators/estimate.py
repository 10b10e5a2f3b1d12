"""The estimate as a task: it returns the probable bill of a run, without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.airflow_errors import airflow_error
from airflow_provider_aimlapi.operators.argument_sets.written_arguments import check_written
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.telemetry.progress_sinks import ProgressSinkOpener

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Unpack

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aimlapi.operators.argument_sets.typed_arguments import OperatorArguments


class ClaudeCompletionEstimateOperator(ClaudeCompletionOperator):
    """Estimates what a `ClaudeCompletionOperator` with the same arguments would cost.

    It refuses what the run would refuse before its first call. It writes nothing and spends nothing,
    except for a paid sample. The sample's answers belong to the run, which has the same run key and
    does not pay for them again.

    Args:
        sample_rows: number of answers to measure, up to 1,000. Missing ones are requested with the
            run's own prompt and parameters, from rows all over the data set, and paid. 0: nothing
            is spent. Without answers of an earlier try the estimate then rests on assumptions,
            which its text names.
        answer_tokens: mean length of an answer, if you know it. It is used while no answer is
            measured.
        **kwargs: all arguments of `ClaudeCompletionOperator`.

    Returns:
        A small dict. `words` is the estimate as text. `rows_to_ask`, `cost_usd`,
        `cost_usd_margin`, `cost_usd_least`, `cost_usd_most`, `is_affordable`, `balance_usd` and
        others are its numbers, None if not known. `provider/docs/how-to/estimate.md` lists them.
    """

    template_fields: Collection[str] = (
        *ClaudeCompletionOperator.template_fields,
        "sample_rows",
        "answer_tokens",
    )
    ui_color = "#f4f0e3"
    writes_output = False

    def __init__(
        self,
        *,
        sample_rows: int | str = 0,
        answer_tokens: int | str | None = None,
        **kwargs: Unpack[OperatorArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.sample_rows = sample_rows
        self.answer_tokens = answer_tokens
        check_written(self, "sample_rows", "answer_tokens")

    def execute(  # type: ignore[override]  # another small dict
        self,
        context: Context,
    ) -> dict[str, str | int | float | bool | None]:
        """Compute the estimate, and log its text."""
        with ProgressSinkOpener(context).reports_failure(self.model):
            sample_rows, answer_tokens = self._read_numbers()
        return self._run_estimate(context, sample_rows, answer_tokens)

    def _read_numbers(self) -> tuple[int, int | None]:
        try:
            sample_rows = arguments.read_whole_number("sample_rows", self.sample_rows)
            answer_tokens = arguments.read_optional_whole_number(
                "answer_tokens", self.answer_tokens
            )
        except InvalidSpec as error:
            raise airflow_error(error) from None
        return sample_rows, answer_tokens
