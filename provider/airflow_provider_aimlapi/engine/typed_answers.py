"""Checks the schema of a run's answers against its input, before money is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.core.texts.column_names import find_lookalike
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_aimlapi.core.answers.schema import AnswerSchema
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.storage.input.dataset import DataSet


def outcome_columns_of(job: Job, data_set: DataSet) -> OutcomeColumns:
    """Return the columns that a job adds to its input.

    Raises:
        InvalidSpec: the input has one of them, or readers confuse two of them.
    """
    columns = OutcomeColumns(job.output_column, job.schema.kind if job.schema else None)
    if job.output_column is not None:
        data_set.check_output_columns(columns.column_names)
        return columns
    fix = (
        "Rename the property in output_schema, or set output_column, which puts all in one column."
    )
    data_set.check_output_columns(columns.column_names, fix=fix)
    *properties, info = columns.column_names
    if info in properties or find_lookalike(info, properties) is not None:
        raise InvalidSpec(f"output_schema: a property has the name of the column '{info}'. {fix}")
    return columns


def validator_of(job: Job, prompt_columns: Collection[str]) -> AnswerValidator | None:
    """Return the check of a job's answers; None for answers of any text.

    Args:
        prompt_columns: the columns that the model sees.

    Raises:
        InvalidSpec: a property quotes a column that the model does not see.
    """
    if job.schema is None:
        return None
    _check_quotes(job.schema, prompt_columns)
    return AnswerValidator(job.schema, job.check_class)


def _check_quotes(schema: AnswerSchema, prompt_columns: Collection[str]) -> None:
    unseen = [column for column in schema.quoted_columns if column not in prompt_columns]
    if unseen:
        raise InvalidSpec(
            f"output_schema: quote_of names the column '{unseen[0]}', which the prompt does not use. "
            f"The model can only quote what it sees: write {{{unseen[0]}}} into the prompt, or give "
            f"quote_of another column."
        )
