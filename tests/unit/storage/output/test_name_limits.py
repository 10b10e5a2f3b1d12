from __future__ import annotations

import fsspec
import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.storage.output.name_limits import check_lengths
from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore


@pytest.mark.parametrize(
    ("root", "name", "is_held"),
    [
        ("file:///lake", "a" * 255, True),
        ("file:///lake", "a" * 256, False),
        ("file:///lake", "é" * 128, False),
        ("file:///" + "/".join(["r" * 200] * 16), "/".join(["a" * 200] * 5), False),
        ("s3://lake/out", "a" * 1020, True),
        ("s3://lake/out", "a" * 1021, False),
        ("s3://lake/out", "é" * 511, False),
        ("s3://lake/" + "o" * 1000, "a" * 24, False),
    ],
)
def test_name_is_refused_where_it_is_too_long(
    s3_server: object, root: str, name: str, *, is_held: bool
) -> None:
    store = FsspecStore(fsspec.filesystem(root.partition(":")[0]), root)
    if is_held:
        check_lengths(store, ["short", name])
        return
    with pytest.raises(
        InvalidSpec, match=r"^Choose a shorter output_path, .* bytes, and a .* has at most"
    ):
        check_lengths(store, ["short", name])
