"""Report the cost of each day's summaries. The DAG waits for their asset and reads its event."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Asset, task

SUMMARIES = Asset(os.environ.get("AIMLAPI_EXAMPLE_OUTPUT", "s3://lake/document_summaries"))

# --- dag
with DAG(
    "report_cost",
    schedule=[SUMMARIES],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    tags=["aimlapi", "example"],
):

    @task(inlets=[SUMMARIES])
    def report(*, inlet_events: Any = None) -> str:
        """Return the figures of the asset's newest event."""
        run = inlet_events[SUMMARIES][-1].extra
        return f"{run['ok']:,} of {run['rows']:,} rows, {run['cost_usd']:.4f} USD, {run['output_path']}"

    report()
# --- end
