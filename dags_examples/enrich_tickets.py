"""Use a completion as a step of an ETL: extract from a warehouse, complete, join and load.

The warehouse is DuckDB; any other works in the same way. Each step can run again. `extract` does not
write a file that has not changed, so `complete` finds the paid answers of that day. `load` replaces
the day's rows in one transaction. Needs `pip install duckdb`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, ObjectStoragePath, task

from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

WAREHOUSE = os.environ.get("AIMLAPI_EXAMPLE_WAREHOUSE", "/opt/airflow/warehouse.duckdb")
LAKE = os.environ.get("AIMLAPI_EXAMPLE_LAKE", "s3://lake")

with DAG(
    "enrich_tickets",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # DuckDB allows one writer
    tags=["aimlapi", "example"],
):
    # --- extract
    @task
    def extract(ds: str | None = None) -> str:
        """Store the day's tickets as a Parquet file in the lake, and return its path."""
        import io

        import duckdb
        import pyarrow.parquet as pq

        query = "SELECT id, body FROM tickets WHERE opened_on = CAST(? AS DATE) ORDER BY id"
        with duckdb.connect(WAREHOUSE, read_only=True) as warehouse:
            tickets = warehouse.sql(query, params=[ds]).to_arrow_table()
        parquet = io.BytesIO()
        pq.write_table(tickets, parquet)
        path = ObjectStoragePath(f"{LAKE}/tickets/ds={ds}/tickets.parquet")
        if not path.exists() or path.read_bytes() != parquet.getvalue():
            path.write_bytes(parquet.getvalue())
        return str(path)

    # --- complete
    complete = ClaudeCompletionOperator(
        task_id="complete",
        input_path=extract(),
        output_path=LAKE + "/ticket_topics/ds={{ ds }}/",
        system="Answer with one word: billing, delivery, quality or other.",
        prompt="What is this ticket about?\n\n{body}",
        output_column="topic",
        max_tokens=10,
        max_cost_usd=5,
        retries=3,
    )

    # --- load
    @task
    def load(summary: dict[str, Any], ds: str | None = None) -> int:
        """Load topic and cost, joined with the customer, and return the number of rows."""
        import duckdb
        import pyarrow.parquet as pq

        path = ObjectStoragePath(summary["output_path"])
        topics = pq.read_table(path.path, filesystem=path.fs, partitioning=None)
        with duckdb.connect(WAREHOUSE) as warehouse:
            warehouse.register("topics", topics)
            warehouse.begin()
            warehouse.execute("DELETE FROM ticket_topics WHERE opened_on = CAST(? AS DATE)", [ds])
            warehouse.execute(
                """
                INSERT INTO ticket_topics
                SELECT id, opened_on, customers.region, topic, topic_info.cost_usd
                FROM topics JOIN tickets USING (id) JOIN customers USING (customer_id)
                WHERE topic_info.status = 'ok'
                """
            )
            warehouse.commit()
        return int(topics.num_rows)

    load(complete.output)
    # --- end
