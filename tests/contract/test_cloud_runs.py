"""Whole runs on Google Cloud Storage and Azure as they can run here: Parquet in, Parquet out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from aimlapi_simulator import simulator_thread
from airflow_provider_aimlapi.core.durable.retention import US_PER_S
from airflow_provider_aimlapi.engine.blocking import run_job
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.input.listing import list_inputs
from airflow_provider_aimlapi.storage.stores.stored_objects import StoredObjects
from tests.runs.conftest import Workplace, expected, script, texts_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.reporting.lineage import Lineage

ROWS = 60


@pytest.fixture(params=["gs", "abfs"])
def place(request: pytest.FixtureRequest, bucket: str) -> Iterator[Workplace]:
    opened = request.getfixturevalue("open_gcs" if request.param == "gs" else "open_azure")
    with simulator_thread(script()) as sim:
        yield Workplace(fs=opened(), input=f"{bucket}/in", output=f"{bucket}/out", sim=sim)


def test_run_publishes_every_row_and_second_one_pays_nothing(place: Workplace) -> None:
    place.write(texts_table(ROWS), "ds=2026-01-01/a.parquet", row_group_size=20)
    place.write(texts_table(ROWS, start=ROWS), "ds=2026-01-02/b é.parquet")
    report = place.run()
    result = place.result()
    assert place.visible() == ["ds=2026-01-01/a-00000.parquet", "ds=2026-01-02/b é-00000.parquet"]
    assert result["id"].to_pylist() == list(range(2 * ROWS))
    assert result["completion"].to_pylist() == [expected(b) for b in result["body"].to_pylist()]
    assert report.tally.ok == len(place.paid_prompts()) == 2 * ROWS
    again = place.run()
    assert (again.requests, again.reused) == (0, 2 * ROWS)
    assert again.run_key == report.run_key
    assert not place.fs.find(f"{place.output}/_aimlapi/{report.run_key}/journal")


def test_changed_file_makes_a_run_that_replaces_the_old(place: Workplace) -> None:
    place.write(texts_table(ROWS))
    first = place.run()
    place.write(texts_table(ROWS, start=1000))
    second = place.run()
    assert second.run_key != first.run_key
    assert place.result()["id"].to_pylist() == list(range(1000, 1000 + ROWS))


def test_file_is_the_same_by_name_folder_or_glob(place: Workplace) -> None:
    place.write(texts_table(1), "a.parquet")
    place.write(texts_table(2), "ds=1/b.parquet")
    itself = list_inputs(place.fs, f"{place.input}/a.parquet")
    (globbed,) = list_inputs(place.fs, f"{place.input}/*.parquet")
    in_folder = list_inputs(place.fs, f"{place.input}/")
    assert [file.stem for file in in_folder] == ["a", "b"]
    assert itself == in_folder[:1]
    assert globbed == itself[0]
    assert globbed.version
    assert open_data_set(place.fs, f"{place.input}/a.parquet").column_names == ("id", "body")


@pytest.mark.parametrize("path", ["none.parquet", "none/", "none/*.parquet"])
def test_an_input_that_is_not_there_is_named(place: Workplace, path: str) -> None:
    place.write(texts_table(1), "a.parquet")
    with pytest.raises(InputUnreadable, match="/in/none"):
        list_inputs(place.fs, f"{place.input}/{path}")


def test_the_store_says_how_old_its_objects_are(place: Workplace) -> None:
    place.write(texts_table(1))
    (found,) = StoredObjects(place.fs, place.input).list_objects("")
    age = datetime.now(UTC) - datetime.fromtimestamp(found.modified_us / US_PER_S, UTC)  # noqa: TID251
    assert found.name == "a.parquet"
    assert found.size_bytes > 0
    assert abs(age) < timedelta(minutes=1)


def test_lineage_has_the_storage_account_that_azures_names_need(place: Workplace) -> None:
    place.write(texts_table(1))
    told: list[Lineage] = []
    run_job(place.job(), Settings(), emit_lineage=told.append)
    (lineage,) = told
    account = "devstoreaccount1" if "abfs" in place.fs.protocol else None
    assert (lineage.input_account, lineage.output_account) == (account, account)
