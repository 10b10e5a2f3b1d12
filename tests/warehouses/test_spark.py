"""Spark reads its own types and values in what a run made of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from tests.interop.docs_tables import rows_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from tests.runs.conftest import Workplace

pytestmark = [
    pytest.mark.warehouses,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # its gateway's sockets
]
HEADING = "What Spark reads back"
VALUES = {
    "BOOLEAN": "true",
    "TINYINT": "1Y",
    "BIGINT": "9007199254740993L",
    "FLOAT": "CAST(0.1 AS FLOAT)",
    "DOUBLE": "DOUBLE('NaN')",
    "DECIMAL(9,2)": "CAST(1.5 AS DECIMAL(9,2))",
    "DECIMAL(18,2)": "CAST(1.5 AS DECIMAL(18,2))",
    "DECIMAL(38,18)": "CAST(0 AS DECIMAL(38,18))",
    "STRING": "'größer'",
    "BINARY": "X'6162'",
    "DATE": "DATE'0001-01-01'",
    "TIMESTAMP": "TIMESTAMP'9999-12-31 00:00:00+00:00'",
    "TIMESTAMP_NTZ": "TIMESTAMP_NTZ'9999-12-31 12:30:00.000005'",
    "INTERVAL DAY TO SECOND": "INTERVAL '1 02:03:04' DAY TO SECOND",
    "INTERVAL YEAR TO MONTH": "INTERVAL '1-2' YEAR TO MONTH",
    "ARRAY<TIMESTAMP>": "ARRAY(TIMESTAMP'0001-01-01 00:00:00+00:00', NULL)",
    "STRUCT<t: TIMESTAMP>": "NAMED_STRUCT('t', TIMESTAMP'9999-12-31 00:00:00+00:00')",
    "MAP<STRING, INT>": "MAP('a', 1)",
    "VARIANT": """PARSE_JSON('{"a": 1}')""",
    "VOID": "NULL",
}
MODES = ("INT96", "TIMESTAMP_MICROS", "TIMESTAMP_MILLIS")


def written(spark: SparkSession, place: Workplace, mode: str) -> None:
    """One row of every type, with timestamps as Spark's `outputTimestampType` has them."""
    spark.conf.set("spark.sql.parquet.outputTimestampType", mode)
    columns = (f"{value} AS `c{number}`" for number, value in enumerate(VALUES.values()))
    spark.sql(f"SELECT {', '.join(columns)}").coalesce(1).write.parquet(place.input)


def cells(frame: DataFrame, names: list[str]) -> list[Any]:
    """Each value as Spark's own text, for Python has not all of them."""
    rows = frame.selectExpr(*(f"CAST(`{name}` AS STRING)" for name in names)).collect()
    return [tuple(row) for row in rows]


def in_prompt(place: Workplace, name: str) -> str:
    data_set = open_data_set(place.fs, place.input)
    try:
        data_set.check_promptable([name])
    except InvalidSpec:
        return "refused"
    (shard,) = plan_shards(data_set.files)
    ((row,),) = data_set.read_rows(shard, [name])
    assert isinstance(row, tuple)
    return "row skipped" if row[0] is None else f"`{row[0]}`"


@pytest.mark.parametrize("mode", MODES)
def test_spark_reads_its_own_types_and_values_back(
    mode: str, spark: SparkSession, place: Workplace
) -> None:
    written(spark, place, mode)
    place.run(place.job(prompt="One line", constant_prompt=True))
    before, after = spark.read.parquet(place.input), spark.read.parquet(place.output)
    names = [f"c{number}" for number in range(len(VALUES))]
    assert after.columns == [*names, "completion", "completion_info"]
    assert after.schema.fields[: len(names)] == before.schema.fields
    assert cells(after, names) == cells(before, names)
    (info,) = after.select("completion_info.*").collect()
    assert info["status"] == "ok"
    assert info["completed_at"] is not None


def test_types_are_as_the_docs_say(
    spark: SparkSession, place: Workplace, pytestconfig: pytest.Config
) -> None:
    written(spark, place, "INT96")
    place.run(place.job(prompt="One line", constant_prompt=True))
    after = spark.read.parquet(place.output)
    assert rows_of(pytestconfig, HEADING) == [
        (kind, in_prompt(place, field.name), field.dataType.simpleString())
        for kind, field in zip(VALUES, after.schema.fields[: len(VALUES)], strict=True)
    ]


def test_a_column_that_came_later_keeps_int96_a_timestamp(
    spark: SparkSession, place: Workplace
) -> None:
    spark.conf.set("spark.sql.parquet.outputTimestampType", "INT96")
    first = spark.sql("SELECT TIMESTAMP'2026-01-31 12:30:00+00:00' AS at")
    second = spark.sql("SELECT TIMESTAMP'2026-01-31 12:30:00+00:00' AS at, 'new' AS note")
    first.coalesce(1).write.parquet(place.input)
    second.coalesce(1).write.mode("append").parquet(place.input)
    place.run(place.job(prompt="One line", constant_prompt=True))
    before = spark.read.option("mergeSchema", "true").parquet(place.input)
    after = spark.read.option("mergeSchema", "true").parquet(place.output)
    assert after.schema["at"].dataType == before.schema["at"].dataType
    assert sorted(cells(after, ["at", "note"]), key=str) == sorted(
        cells(before, ["at", "note"]), key=str
    )


def test_spark_reads_a_year_that_overflows_its_int96(spark: SparkSession, place: Workplace) -> None:
    """Arrow and DuckDB read another year than Spark, which wrote it."""
    spark.conf.set("spark.sql.parquet.outputTimestampType", "INT96")
    frame = spark.sql("SELECT TIMESTAMP_MICROS(9089380393200000000) AS at")
    frame.coalesce(1).write.parquet(place.input)
    place.run(place.job(prompt="One line", constant_prompt=True))
    after = spark.read.parquet(place.output)
    assert [tuple(row) for row in after.selectExpr("UNIX_MICROS(at)").collect()] == [
        (9_089_380_393_200_000_000,)
    ]
