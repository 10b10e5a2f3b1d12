"""Support tickets for two examples: their input, their warehouse, and the result of `triage_tickets`."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DAG_ID = "triage_tickets"
DAY = "2026-01-02"
BODIES = (
    "The delivery was left at a neighbour's door. Nobody rang, although I was at home all day.",
    "My last invoice has a mistake in the billing address. Please send a corrected one.",
    "The quality of the second chair is poor. One leg is shorter than the others.",
    "You promised delivery on Monday. It is Thursday now, and the tracking page is empty.",
    "I cancelled in May, but billing goes on. I want the money for June and July back.",
    "How do I change the language of the app? I cannot find it in the settings.",
    "The colour came off after one wash. I expected better quality at this price.",
    "Your billing page shows two charges for one order. Only one of them is mine.",
)
QUOTE_WIDTH = 64
TABLES = """
    CREATE TABLE IF NOT EXISTS customers (customer_id BIGINT PRIMARY KEY, region TEXT);
    CREATE TABLE IF NOT EXISTS tickets
        (id BIGINT PRIMARY KEY, customer_id BIGINT, opened_on DATE, body TEXT);
    CREATE TABLE IF NOT EXISTS ticket_topics
        (id BIGINT, opened_on DATE, region TEXT, topic TEXT, cost_usd DOUBLE);
    CREATE TABLE IF NOT EXISTS triaged_tickets
        (day DATE, id BIGINT, quote TEXT, topic TEXT, urgency BIGINT, refund_usd DOUBLE);
"""


def encode_tickets() -> bytes:
    """Return the tickets as Parquet. The bytes are the same each time, so a later demo pays nothing."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": list(range(1, len(BODIES) + 1)), "body": list(BODIES)}), sink)
    return bytes(sink.getvalue())


def make_warehouse(path: Path) -> None:
    """Make the tables that the examples read and load their answers into, unless they are there."""
    import duckdb

    with duckdb.connect(path) as warehouse:
        warehouse.execute(TABLES)
        warehouse.executemany(
            "INSERT OR IGNORE INTO customers VALUES (?, ?)", [(1, "north"), (2, "south")]
        )
        warehouse.executemany(
            "INSERT OR IGNORE INTO tickets VALUES (?, ?, ?, ?)",
            [(number, 1 + number % 2, DAY, body) for number, body in enumerate(BODIES, 1)],
        )


def table_of_tickets(path: Path, rows_max: int = 3) -> str:
    """Return a table of some answers, as they are in the warehouse."""
    import duckdb

    with duckdb.connect(path, read_only=True) as warehouse:
        rows = warehouse.execute(
            "SELECT id, topic, urgency, quote FROM triaged_tickets ORDER BY id LIMIT ?", [rows_max]
        ).fetchall()
    lines = ["id  topic     urgency  quote"]
    for number, topic, urgency, quote in rows:
        shown = shorten(quote, QUOTE_WIDTH, placeholder=" …")
        lines.append(f"{number:<2}  {topic:8}  {urgency:<7}  {shown}")
    return "\n".join(lines)
