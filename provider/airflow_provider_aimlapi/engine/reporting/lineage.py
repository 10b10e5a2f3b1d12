"""Make the lineage of a run that may start, from what its preparation has read."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.reporting.lineage import COLUMNS_MAX, Column, Lineage
from airflow_provider_aimlapi.storage.arrow.lineage_columns import columns_of

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.job import OpenLocation
    from airflow_provider_aimlapi.engine.prepared import Prepared


def lineage_of(prepared: Prepared) -> Lineage:
    """Return what the run reads and what it adds."""
    job, data_set, shards = prepared.job, prepared.data_set, prepared.plan.shards
    files = [data_set.files[index] for index in {shard.file for shard in shards}]
    return Lineage(
        columns=columns_of(islice(data_set.schema, COLUMNS_MAX)),
        folder_columns=tuple(
            Column(name=name, type="string") for name in data_set.partition_names[:COLUMNS_MAX]
        ),
        prompt_columns=tuple(dict.fromkeys(data_set.columns_of(prepared.maker.columns))),
        answers=columns_of(prepared.outcome_columns.arrow_fields()),
        rows=prepared.plan.rows,
        files=len(files),
        size_bytes=sum(file.size_bytes for file in files),
        input_account=_azure_account(job.input),
        output_account=_azure_account(job.output),
    )


def _azure_account(location: OpenLocation) -> str | None:
    """Return the Azure account that adlfs uses: an argument, or in its connection string."""
    name = getattr(location.fs, "account_name", None)
    if not name:
        name = getattr(getattr(location.fs, "service_client", None), "account_name", None)
    return name if isinstance(name, str) else None
