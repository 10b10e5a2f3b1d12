"""Arguments that are paths, alone or in a list."""

from __future__ import annotations

from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators.argument_sets.path_arguments import (
    open_path,
    open_paths,
    read_paths,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("nothing", [None, "None", ""])
def test_rendered_none_is_no_list(nothing: object) -> None:
    assert read_paths("reuse_from", nothing) is None


@pytest.mark.parametrize("empty", [(), []])
def test_empty_list_is_kept(empty: object) -> None:
    assert read_paths("reuse_from", empty) == ()


def test_paths_are_read_as_texts() -> None:
    assert read_paths("reuse_from", [PurePosixPath("/a"), "s3://lake/b/"]) == ("/a", "s3://lake/b/")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("s3://lake/b/", r"^reuse_from='s3://lake/b/': give a list of paths, or None"),
        (["relative/path"], "^reuse_from"),
        (["s3://key:secret@lake/b/"], "^reuse_from holds credentials"),
        (["/out/ds=*/"], "^reuse_from contains one of"),
        ([None], "^reuse_from"),
    ],
)
def test_wrong_list_is_refused(value: object, text: str) -> None:
    with pytest.raises(InvalidSpec, match=text):
        read_paths("reuse_from", value)


def test_paths_are_opened_with_their_connection(tmp_path: Path) -> None:
    paths = [str(tmp_path / "a"), f"file://{tmp_path}/b/"]
    operator = SimpleNamespace(output_path=paths[0], reuse_from=paths, storage_conn_id=None)
    opened = open_paths(operator, "reuse_from")
    assert opened is not None
    assert [one.path.rstrip("/") for one in opened] == [f"{tmp_path}/a", f"{tmp_path}/b"]
    assert open_path(operator, "output_path") == opened[0]
    assert open_paths(SimpleNamespace(reuse_from=None), "reuse_from") is None
