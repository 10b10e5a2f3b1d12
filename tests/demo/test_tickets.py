"""The warehouse of the demo's tickets outlives a restart, with what DAGs loaded into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from demo.tickets import BODIES, make_warehouse

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_start_keeps_what_dags_loaded(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    make_warehouse(path)
    with duckdb.connect(path) as warehouse:
        warehouse.execute("INSERT INTO ticket_topics VALUES (1, '2026-01-02', 'north', 'other', 0)")
    make_warehouse(path)
    with duckdb.connect(path, read_only=True) as warehouse:
        assert warehouse.sql("SELECT count(*) FROM ticket_topics").fetchall() == [(1,)]
        bodies = warehouse.sql("SELECT body FROM tickets ORDER BY id").fetchall()
    assert [body for (body,) in bodies] == list(BODIES)
