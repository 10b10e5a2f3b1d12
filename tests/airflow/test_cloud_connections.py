"""Runs on Google Cloud Storage and Azure through Airflow's own connections to them.

Airflow's providers for both bring more than a gigabyte: `make providers` installs them aside.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from tests.fakes.azurite import Azurite
from tests.fakes.gcs_server import GcsServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aimlapi.engine.job import OpenLocation

pytestmark = [
    pytest.mark.providers,
    pytest.mark.usefixtures("airflow_database"),
    pytest.mark.filterwarnings("default"),  # theirs
]
TEXTS = ["one", "two", "three"]


@pytest.fixture
def conn_id() -> str:
    """Another for each test: Airflow keeps the file systems that it has made, by this id."""
    return f"store_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def google(connect: Callable[..., str], conn_id: str) -> Iterator[str]:
    with GcsServer() as server:
        server.create_bucket("lake")
        extra = {"is_anonymous": True, "project": "any", "gcs.endpoint": server.url}
        yield connect(conn_id, conn_type="google_cloud_platform", extra=extra)


@pytest.fixture
def azure(connect: Callable[..., str], conn_id: str) -> Iterator[str]:
    from adlfs import AzureBlobFileSystem

    with Azurite() as server:
        told = server.connection_string()
        AzureBlobFileSystem(connection_string=told).mkdir("lake")
        yield connect(conn_id, conn_type="wasb", extra={"connection_string": told})


@pytest.fixture(params=["gs", "gcs", "abfs", "abfss", "az"])
def scheme(request: pytest.FixtureRequest) -> str:
    request.getfixturevalue("google" if request.param in ("gs", "gcs") else "azure")
    return str(request.param)


def opened(url: str, conn_id: str | None = None) -> OpenLocation:
    from airflow_provider_aimlapi.operators.locations import open_location, parse_location

    return open_location(parse_location(url, argument="input_path", storage_conn_id=conn_id))


def test_a_task_reads_and_writes_through_the_connection(
    scheme: str, conn_id: str, api: Any, run_task: Callable[..., Any]
) -> None:
    lake = opened(f"{scheme}://{conn_id}@lake/")
    with lake.fs.open("lake/in/a.parquet", "wb") as file:
        pq.write_table(pa.table({"text": TEXTS}), file)
    arguments = {
        "input_path": f"{scheme}://{conn_id}@lake/in/",
        "output_path": f"{scheme}://lake/out/",
        "storage_conn_id": conn_id,
        "prompt": "{text}",
    }
    first, second = run_task(**arguments), run_task(**arguments)
    assert first.state == second.state == "success", first.output
    assert api.paid_calls == len(TEXTS)
    assert second.summary["reused"] == len(TEXTS)
    with lake.fs.open("lake/out/a-00000.parquet", "rb") as file:
        assert pq.read_table(file)["text"].to_pylist() == TEXTS
    assert "x-ms-version" not in first.output  # Azure's SDK would tell each request


@pytest.mark.parametrize(
    ("url", "conn_type"),
    [("gs://lake/in", "google_cloud_platform"), ("abfs://lake/in", "wasb")],
)
def test_a_connection_without_credentials_is_named(
    connect: Callable[..., str], url: str, conn_type: str
) -> None:
    connect("empty", conn_type=conn_type, extra={})
    with pytest.raises(InvalidSpec, match=r"input_path: .* with connection 'empty'"):
        opened(url, "empty")
