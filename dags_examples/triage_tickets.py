"""Ask for typed answers with a quote as evidence, and load them into DuckDB without a cast.

The class states the form of each answer. Its fields become typed columns of the output, which DuckDB
reads like any Parquet file. Needs `pip install duckdb`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any, Literal

from airflow.sdk import DAG, ObjectStoragePath, task
from pydantic import BaseModel, Field

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

WAREHOUSE = os.environ.get("AIMLAPI_EXAMPLE_WAREHOUSE", "/opt/airflow/warehouse.duckdb")
LAKE = os.environ.get("AIMLAPI_EXAMPLE_LAKE", "s3://lake")


# --- ticket
class Ticket(BaseModel):
    """What a support ticket is about."""

    quote: str = Field(
        description="The customer's main complaint, copied word for word from the ticket.",
        json_schema_extra={"quote_of": "body"},
    )
    topic: Literal["billing", "delivery", "quality", "other"]
    urgency: int = Field(ge=1, le=5, description="1: can wait, 5: today")
    refund_usd: float | None = Field(None, description="The amount that the customer wants back.")


# --- dag
with DAG(
    "triage_tickets",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # DuckDB allows one writer
    tags=["aimlapi", "example"],
):
    # --- triage
    triage = ClaudeCompletionOperator(
        task_id="triage",
        input_path=LAKE + "/tickets/ds={{ ds }}/",
        output_path=LAKE + "/triaged_tickets/ds={{ ds }}/",
        prompt="Triage this ticket:\n\n{body}",
        output_schema=Ticket,
        repairs=1,
        output_column="ticket",
        max_cost_usd=5,
        retries=3,
    )

    # --- load
    @task
    def load(summary: dict[str, Any], ds: str | None = None) -> int:
        """Load the valid answers of a day, and return their number."""
        import duckdb
        import pyarrow.parquet as pq

        path = ObjectStoragePath(summary["output_path"])
        triaged = pq.read_table(path.path, filesystem=path.fs, partitioning=None)
        with duckdb.connect(WAREHOUSE) as warehouse:
            warehouse.register("triaged", triaged)
            warehouse.begin()
            warehouse.execute("DELETE FROM triaged_tickets WHERE day = CAST(? AS DATE)", [ds])
            warehouse.execute(
                """
                INSERT INTO triaged_tickets
                SELECT CAST(? AS DATE), id, UNNEST(ticket)
                FROM triaged WHERE ticket IS NOT NULL
                """,
                [ds],
            )
            warehouse.commit()
        return int(summary["ok"])

    load(triage.output)
    # --- end
