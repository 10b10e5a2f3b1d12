"""An input on disk reads nothing outside its root, and its listing ends, whatever links are in it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from pyarrow import parquet as pq

from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.access import local_files
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.input.listing import list_inputs
from airflow_provider_aimlapi.storage.input.local_inputs import list_local, open_listed
from airflow_provider_aimlapi.storage.input.parquet_files import open_parquet
from tests.attacks.planted_trees import Planting, plant, plantings, state_of

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.plan import InputFile

DOUBLINGS = 30


def listed(path: object) -> tuple[InputFile, ...]:
    return list_inputs(fsspec.filesystem("file"), str(path))


def refused(path: object) -> str:
    with pytest.raises(InputUnreadable) as refusal:
        listed(path)
    assert str(refusal.value).isprintable()
    return str(refusal.value)


@settings(max_examples=150)
@given(tree=plantings())
def test_listing_stays_below_its_root_and_ends(tree: list[Planting]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = plant(Path(folder), tree)
        before = state_of(Path(folder))
        for pattern in ("", "/*", "/**/*.parquet", "/[a]/*", "/*/x.parquet"):
            try:
                files = listed(f"{root}{pattern}")
            except InputUnreadable:
                continue
            for file in files:
                assert Path(file.path).resolve() == Path(file.path)
                assert Path(file.path).is_relative_to(root)
                with open_listed(file.path) as (opened, _):
                    assert opened.read() == b"inside"
        assert state_of(Path(folder)) == before


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An input with one file, beside a payroll."""
    for name in ("in", "outside"):
        (tmp_path / name).mkdir()
    pq.write_table(pa.table({"body": ["hello"]}), tmp_path / "in" / "a.parquet")
    pq.write_table(pa.table({"body": ["salary"]}), tmp_path / "outside" / "payroll.parquet")
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("name", "target", "why"),
    [
        ("b.parquet", "../outside/payroll.parquet", "is a link that leads out of the input"),
        ("b.parquet", "../outside", "is a link that leads out of the input"),
        ("ds=1", "../outside", "is a link that leads out of the input"),
        ("ds=1", "..", "is a link that leads out of the input"),
        ("ds=1", "/", "is a link that leads out of the input"),
        ("b.parquet", "/dev/zero", "is a link that leads out of the input"),
        ("b.parquet", "gone.parquet", "is a link to something that does not exist"),
        ("ds=1", "gone", "is a link to something that does not exist"),
        ("b.parquet", "b.parquet", "is a link that leads in a circle"),
        ("ds=1", "ds=1/x", "is a link that leads in a circle"),
        ("ds=1", ".", "is a link to a folder that it lies in"),
        ("ds=1", "../in", "is a link to a folder that it lies in"),
        ("sub/ds=1", "..", "is a link to a folder that it lies in"),
        ("sub/ds=1", "../sub", "is a link to a folder that it lies in"),
        ("sub/deep/ds=1", "../../sub", "is a link to a folder that it lies in"),
    ],
)
def test_link_that_cannot_be_followed_is_refused_by_name(
    root: Path, name: str, target: str, why: str
) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(target)
    assert f"{str(root / name)!r} {why}." in refused(root)


@pytest.mark.parametrize("name", ["_b.parquet", ".b.parquet", "_ds", ".git"])
@pytest.mark.parametrize("target", ["../outside/payroll.parquet", "../outside", "gone", "."])
def test_hidden_link_is_passed_over(root: Path, name: str, target: str) -> None:
    (root / name).symlink_to(target)
    (root / "_versions").mkdir()
    (root / "_versions" / name).symlink_to(target)
    assert [file.stem for file in listed(root)] == ["a"]
    assert [file.stem for file in listed(f"{root}/*")] == ["a"]


def test_link_that_glob_does_not_read_is_passed_over(root: Path) -> None:
    (root / "ds=1").symlink_to("../outside")
    (root / "_ds=1").symlink_to("../outside")
    (root / "README").symlink_to("../outside/payroll.parquet")
    assert [file.stem for file in listed(f"{root}/*.parquet")] == ["a"]
    assert "ds=1" in refused(f"{root}/ds=*")
    assert "_ds=1" in refused(f"{root}/_ds=*")
    assert "ds=1" in refused(f"{root}/**/*.parquet")


@pytest.mark.parametrize("name", ["b.parquet", "ds=1/b.parquet"])
def test_pipe_in_place_of_file_is_refused_by_name(root: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    os.mkfifo(root / name)
    assert f"{str(root / name)!r} is not an ordinary file" in refused(root)
    assert "is not an ordinary file" in refused(root / name)


def test_pipe_that_is_no_input_is_passed_over(root: Path) -> None:
    os.mkfifo(root / "control")
    (root / "to_control").symlink_to("control")
    assert [file.stem for file in listed(root)] == ["a"]


def test_doubling_links_are_refused_at_once(root: Path) -> None:
    """A billion paths, of 30 folders."""
    for number in range(DOUBLINGS):
        (root / f"d{number}").mkdir()
        for name in ("a", "b"):
            (root / f"d{number}" / name).symlink_to(f"../d{number + 1}")
    (root / f"d{DOUBLINGS}").mkdir()
    assert "is a folder that another link leads to as well" in refused(root)


def test_folders_that_link_to_each_other_are_refused(root: Path) -> None:
    for name, other in (("x", "y"), ("y", "x")):
        (root / name).mkdir()
        (root / name / "to").symlink_to(f"../{other}")
    assert "is a folder that another link leads to as well" in refused(root)


def test_name_that_could_act_on_a_terminal_is_escaped(root: Path) -> None:
    (root / "\x1b[2J\nb.parquet").symlink_to("gone")
    assert "\\x1b[2J\\nb.parquet" in refused(root)


def test_link_swapped_in_after_the_listing_is_refused(root: Path) -> None:
    """Its size and its modification time may be the listed ones: anyone can set their own."""
    payroll = root.parent / "outside" / "payroll.parquet"
    (root / "sub").mkdir()
    for place in (root / "a.parquet", root / "sub" / "payroll.parquet"):
        place.write_bytes(payroll.read_bytes())
        status = payroll.stat()
        os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    files = listed(root)
    (root / "a.parquet").unlink()
    (root / "a.parquet").symlink_to(payroll)
    (root / "sub").rename(root / "kept")
    (root / "sub").symlink_to(root.parent / "outside")
    for file in files:
        with pytest.raises(InputUnreadable, match="links and special files are not followed"):
            open_parquet(fsspec.filesystem("file"), file)


def test_link_above_the_root_is_not_followed_again(root: Path) -> None:
    lake = root.parent / "lake"
    lake.symlink_to(root)
    data_set = open_data_set(fsspec.filesystem("file"), str(lake))
    (root.parent / "outside" / "payroll.parquet").rename(root.parent / "outside" / "a.parquet")
    lake.unlink()
    lake.symlink_to(root.parent / "outside")
    file = open_parquet(fsspec.filesystem("file"), data_set.files[0])
    (batch,) = file.read_batches(0, None, 1)
    assert batch.to_pydict() == {"body": ["hello"]}
    file.source.close()


@pytest.mark.parametrize("name", ["_aimlapi", "_aimlapi/records", "_aimlapi/records/0a"])
def test_records_below_an_output_are_read_through_no_link(root: Path, name: str) -> None:
    """Others may write to an output, so a link there is no choice of the input's owner."""
    payroll = root.parent / "outside" / "payroll.parquet"
    place = root / "_aimlapi/records/0a/records.parquet"
    place.parent.mkdir(parents=True)
    payroll.rename(place)
    (root / name).rename(root / "moved")
    (root / name).symlink_to(root / "moved")
    with pytest.raises(InputUnreadable, match="links and special files are not followed"):
        open_data_set(fsspec.filesystem("file"), str(place))


def test_folder_that_vanishes_is_listed_once_more(root: Path) -> None:
    (root / "sub").mkdir()

    def vanish(name: str) -> bool:
        (root / name).rmdir()
        return True

    found, _ = list_local(
        str(root), is_input=lambda _: True, may_be_input=lambda _: True, may_hold=vanish
    )
    assert list(found) == [f"{root}/a.parquet"]


def test_folder_that_vanishes_each_time_is_an_error(root: Path) -> None:
    deep = root / "sub" / "deep"

    def vanish(name: str) -> bool:
        if name == "sub":
            deep.mkdir(exist_ok=True)
        else:
            deep.rmdir()
        return True

    (root / "sub").mkdir()
    with pytest.raises(InputUnreadable, match="deep' was removed while it was listed, 2 times"):
        list_local(str(root), is_input=lambda _: True, may_be_input=lambda _: True, may_hold=vanish)


@pytest.mark.parametrize("has_descriptors", [True, False])
def test_input_reads_on_any_system(
    root: Path, monkeypatch: pytest.MonkeyPatch, has_descriptors: bool
) -> None:
    monkeypatch.setattr(local_files, "HAS_DESCRIPTORS", has_descriptors)
    data_set = open_data_set(fsspec.filesystem("file"), str(root))
    assert data_set.column_names == ("body",)
    (root / "b.parquet").symlink_to("../outside/payroll.parquet")
    assert "leads out of the input" in refused(root)
