"""A Spark in this process, and runs of whole jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runs.conftest import place, sim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

__all__ = ["place", "sim"]


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Spark in a zone that is not UTC, so that a time that lost its zone shows."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "America/Los_Angeles")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    yield session
    session.stop()
