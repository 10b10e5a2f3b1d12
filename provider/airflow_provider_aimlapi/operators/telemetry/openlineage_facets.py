"""Builds OpenLineage's facets of a run. The only module that imports OpenLineage's client.

It is imported only when Airflow's OpenLineage provider calls the operator. It calls neither the store
nor the API nor Airflow, because the provider may call in a process that lives for seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.openlineage.extractors import OperatorLineage
from attr import define
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    RunFacet,
    column_lineage_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)

from airflow_provider_aimlapi import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from openlineage.client.generated.base import DatasetFacet

    from airflow_provider_aimlapi.core.reporting.lineage import Column, Lineage
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
    from airflow_provider_aimlapi.operators.telemetry.openlineage_names import DataSetName

PRODUCER = f"https://pypi.org/project/airflow-provider-aimlapi/{__version__}/"
SCHEMA = f"{PRODUCER}#/airflow_provider_aimlapi/operators/aimlapi_run_facet.json"
FACET = "aimlapi_run"


@define(kw_only=True)
class AimlapiRunFacet(RunFacet):
    """A run's counts and bill, named as in the operator's return value. None: not known yet."""

    state: str
    model: str
    run_key: str
    rows: int
    cost_usd: float
    try_cost_usd: float
    share: int | None = None
    rows_done: int | None = None
    ok: int | None = None
    truncated: int | None = None
    refused: int | None = None
    invalid: int | None = None
    rejected: int | None = None
    skipped: int | None = None
    repaired: int | None = None
    reused: int | None = None
    reused_answers: int | None = None
    duplicates: int | None = None
    saved_usd: float | None = None
    requests: int | None = None
    throttled: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cache_hit_rate: float | None = None
    cache_saved_usd: float | None = None
    elapsed_s: float | None = None
    bound_by: str | None = None
    manifest: str | None = None
    output_path: str | None = None

    _additional_skip_redact: ClassVar[list[str]] = ["run_key", "prompt_tokens", "completion_tokens"]

    @staticmethod
    def _get_schema() -> str:
        return SCHEMA


def facets_of_run(
    source: DataSetName | None,
    target: DataSetName | None,
    lineage: Lineage | None,
    report: RunSummary | None,
    facts: Mapping[str, Any],
) -> OperatorLineage[Any, Any]:
    """Return everything that OpenLineage receives about a run.

    Args:
        source, target: the data sets that are read and written; None for one without a name.
        lineage, report, facts: what is known of the run so far.
    """
    return OperatorLineage(
        inputs=[_input_of(source, lineage)] if source else [],
        outputs=[_output_of(source, target, lineage, report)] if target else [],
        run_facets={FACET: AimlapiRunFacet(**facts, producer=PRODUCER)} if facts else {},
    )


def _input_of(name: DataSetName, lineage: Lineage | None) -> InputDataset:
    # The run has not started, so its files and columns are not known.
    if lineage is None:
        return InputDataset(namespace=name.namespace, name=name.name)
    return InputDataset(
        namespace=name.namespace,
        name=name.name,
        facets={"schema": _schema_of((*lineage.columns, *lineage.folder_columns))},
        inputFacets={
            "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                rowCount=lineage.rows,
                size=lineage.size_bytes,
                fileCount=lineage.files,
                producer=PRODUCER,
            )
        },
    )


def _output_of(
    source: DataSetName | None,
    name: DataSetName,
    lineage: Lineage | None,
    report: RunSummary | None,
) -> OutputDataset:
    """Return the output. It has columns and rows only if it is published."""
    # A share and a failed run publish nothing, so the columns at the output may be another run's.
    if lineage is None or report is None or report.share is not None:
        return OutputDataset(namespace=name.namespace, name=name.name)
    described: dict[str, DatasetFacet] = {
        "schema": _schema_of((*lineage.columns, *lineage.answers))
    }
    if source is not None:
        described["columnLineage"] = _column_lineage(source, lineage)
    return OutputDataset(
        namespace=name.namespace,
        name=name.name,
        facets=described,
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=report.tally.rows,
                size=report.size_bytes,
                fileCount=report.files,
                producer=PRODUCER,
            )
        },
    )


def _schema_of(columns: Iterable[Column]) -> schema_dataset.SchemaDatasetFacet:
    return schema_dataset.SchemaDatasetFacet(fields=_fields_of(columns), producer=PRODUCER)


def _fields_of(columns: Iterable[Column]) -> list[schema_dataset.SchemaDatasetFacetFields]:
    return [
        schema_dataset.SchemaDatasetFacetFields(
            name=column.name, type=column.type, fields=_fields_of(column.fields)
        )
        for column in columns
    ]


def _column_lineage(
    source: DataSetName, lineage: Lineage
) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    """Return where each column comes from: an input column from itself, an answer from the prompt's."""
    answers = _from_columns(source, lineage.prompt_columns, subtype="TRANSFORMATION")
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            **{
                column.name: _from_columns(source, (column.name,), subtype="IDENTITY")
                for column in lineage.columns
            },
            **{column.name: answers for column in lineage.answers},
        },
        producer=PRODUCER,
    )


def _from_columns(
    source: DataSetName, names: Iterable[str], *, subtype: str
) -> column_lineage_dataset.Fields:
    made = column_lineage_dataset.Transformation(type="DIRECT", subtype=subtype)
    return column_lineage_dataset.Fields(
        inputFields=[
            column_lineage_dataset.InputField(
                namespace=source.namespace, name=source.name, field=name, transformations=[made]
            )
            for name in names
        ]
    )
