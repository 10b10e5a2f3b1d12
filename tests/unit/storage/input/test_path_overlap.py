"""An output path must not be read as input, nor hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec
import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.input.listing import list_inputs
from airflow_provider_aimlapi.storage.input.path_overlap import check_files_separate, check_separate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("input_uri", "output_uri"),
    [
        ("s3://lake/tickets", "s3://lake/tickets"),
        ("s3://lake/tickets/", "s3://lake/tickets"),
        ("s3://lake/tickets", "s3://lake/tickets/out"),
        ("s3://lake/tickets", "s3://lake/tickets/_out"),
        ("s3://lake/tickets/a.parquet", "s3://lake/tickets"),
        ("s3://lake/tickets/a.parquet", "s3://lake/tickets/a.parquet"),
        ("s3://lake/tickets", "s3://lake"),
        ("s3://lake/tickets/*.parquet", "s3://lake/tickets"),
        ("s3://lake/tickets/*.parquet", "s3://lake"),
        ("s3://lake/**/*.parquet", "s3://lake/out"),
        ("s3://lake/*", "s3://lake/out"),
        ("s3://lake/ds=*/", "s3://lake/ds=1/out"),
        ("s3://lake/out/_aimlapi/0a/parts", "s3://lake/out"),
        ("s3://lake/out/_aimlapi/records_/x.parquet", "s3://lake/out"),
    ],
)
def test_refused(input_uri: str, output_uri: str) -> None:
    with pytest.raises(InvalidSpec, match="output_path") as refusal:
        check_separate(input_uri, output_uri)
    assert input_uri in str(refusal.value)


@pytest.mark.parametrize(
    ("input_uri", "output_uri"),
    [
        ("s3://lake/tickets", "s3://lake/tickets_out"),
        ("s3://lake/tickets", "s3://other/tickets"),
        ("s3://lake/tickets", "file:///lake/tickets"),
        ("s3://lake/tickets/a.parquet", "s3://lake/out"),
        ("s3://lake/tickets-*.parquet", "s3://lake/out"),
        ("s3://lake/ds=*/in.parquet", "s3://lake/out/ds=1"),
        ("s3://lake/in*/x/*.parquet", "s3://lake/out"),
    ],
)
def test_allowed(input_uri: str, output_uri: str) -> None:
    check_separate(input_uri, output_uri)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A folder `in`, a neighbour `in_out`, and links to both, in a folder that holds no links."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in_out").mkdir()
    (tmp_path / "x").mkdir()
    (tmp_path / "link_to_in").symlink_to(tmp_path / "in")
    (tmp_path / "link_to_neighbour").symlink_to(tmp_path / "in_out")
    return tmp_path


INSIDE = ["x/../in/out", "./in/out", "/in/out", "link_to_in/out", "link_to_in", "x/.."]
BESIDE = ["x/../out", "./out", "/out", "link_to_neighbour", "in/../out", "link_to_in/../out", "in2"]


@pytest.mark.parametrize("output", INSIDE)
@pytest.mark.parametrize("source", ["in", "./in/", "x/../in", "link_to_in", "in/**/*.parquet"])
def test_local_output_inside_the_input_is_refused_however_spelled(
    lake: Path, source: str, output: str
) -> None:
    with pytest.raises(InvalidSpec, match="output_path"):
        check_separate(f"file://{lake}/{source}", f"file://{lake}/{output}")


@pytest.mark.parametrize("output", BESIDE)
@pytest.mark.parametrize("source", ["in", "./in/", "x/../in", "link_to_in", "in/*.parquet"])
def test_local_output_beside_the_input_is_allowed_however_spelled(
    lake: Path, source: str, output: str
) -> None:
    check_separate(f"file://{lake}/{source}", f"file://{lake}/{output}")


@pytest.mark.parametrize("slashes", ["/", "//", "///", "/./", "/none/../"])
def test_absolute_path_is_found_behind_any_number_of_slashes(slashes: str) -> None:
    with pytest.raises(InvalidSpec, match="inside of it"):
        check_separate("file:///no-such/in", f"file://{slashes}no-such/in/out")


def test_dots_in_path_of_object_store_are_resolved_too() -> None:
    with pytest.raises(InvalidSpec, match="inside of it"):
        check_separate("s3://lake/in", "s3://lake/x/../in/out")
    check_separate("s3://lake/in", "s3://lake/in/../out")


def test_link_from_the_input_into_the_output_is_refused(tmp_path: Path) -> None:
    """A pattern does not match the output's own name; that of the link it does."""
    (tmp_path / "out").mkdir()
    (tmp_path / "in1").mkdir()
    for name in ("out/a-00000.parquet", "in1/b.parquet"):
        (tmp_path / name).write_bytes(b"x")
    source, output = f"{tmp_path}/in*/", f"file://{tmp_path}/out"
    check_separate(f"file://{source}", output)
    check_files_separate(list_inputs(fsspec.filesystem("file"), source), output)
    (tmp_path / "in2").symlink_to("out")
    with pytest.raises(InvalidSpec, match=r"in2/a-00000\.parquet is a link into output_path"):
        check_files_separate(list_inputs(fsspec.filesystem("file"), source), output)


def test_records_of_a_task_lie_inside_of_its_output() -> None:
    check_separate("s3://lake/out/_aimlapi/records/0a/records.parquet", "s3://lake/out/")
