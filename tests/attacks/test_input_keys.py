"""Whatever an input's key holds, its output has a name that is safe, or the run refuses the key."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.durable.object_names import is_object_name
from airflow_provider_aimlapi.core.durable.plan import RowGroup, plan_shards
from airflow_provider_aimlapi.core.durable.visible_names import escaped_name, has_half_pair
from airflow_provider_aimlapi.errors import InputUnreadable
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.input.listing import list_inputs

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aimlapi.core.durable.plan import InputFile

PIECES = [
    "a",
    "b",
    "/",
    "//",
    ".",
    "..",
    "\\",
    "\t",
    "\n",
    "\0",
    "\x7f",
    "\x9b",
    "\u2028",
    "\udcff",
]
PIECES += ["\ud800", "%09", "%", "ds=1", "é", " ", "-00000", "_", "_aimlapi", "parts", ".parquet"]
keys = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)


class Keys(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """An object store that lists any key at all."""

    protocol = "gs"
    keys: tuple[str, ...] = ()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(path).removeprefix("gs://")

    def find(self, _: str, **__: Any) -> dict[str, dict[str, Any]]:
        return {key: {"name": key, "size": 1, "etag": "x"} for key in self.keys}


def listed(*below: str, pattern: str = "/**") -> tuple[InputFile, ...]:
    fs = Keys(skip_instance_cache=True)
    fs.keys = tuple(f"b/in/{key}.parquet" for key in below)
    return list_inputs(fs, f"gs://b/in{pattern}")


def names_of(files: tuple[InputFile, ...]) -> list[str]:
    one_row = (RowGroup(rows=1, size_bytes=1),)
    shards = plan_shards([replace(file, row_groups=one_row) for file in files])
    return [shard.visible_name for shard in shards]


def is_hidden(key: str) -> bool:
    segments = [one for one in f"{key}.parquet".split("/") if one not in {"", ".", ".."}]
    return any(one[0] in "_." for one in segments)


@given(key=keys)
def test_output_name_is_safe_or_the_key_is_refused(key: str) -> None:
    try:
        files = listed(key)
        names = names_of(files)
    except InputUnreadable as refused:
        text = str(refused)
        is_odd = {".", ".."} & set(f"{key}.parquet".split("/")) or has_half_pair(key)
        assert is_hidden(key) or is_odd
        assert text.replace("\n", "").isprintable()
        return
    assert [file.path for file in files] == [f"b/in/{key}.parquet"]
    assert all(map(is_object_name, names))
    assert names == [
        f"{escaped_name('/'.join(one for one in key.split('/') if one))}-00000.parquet"
    ] or key.endswith("/")


@given(one=keys, other=keys)
def test_two_keys_never_share_an_output(one: str, other: str) -> None:
    if one == other:
        return
    try:
        files = listed(one, other)
        names = names_of(files)
    except InputUnreadable:
        return
    assert len(set(names)) == len(files)
    for first, second in itertools.permutations(names, 2):
        assert not second.startswith(f"{first}/")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a//b.parquet", "a/b.parquet"),
        ("a/b.parquet", "a/b.pq"),
        ("a/b.parquet", "a/b.PARQUET"),
        ("/a/b.parquet", "a/b.parquet"),
        ("a\tb.parquet", "a%09b.parquet"),
        ("a\\b.parquet", "a%5Cb.parquet"),
        ("x.parquet", "x-00000.parquet/y.parquet"),
        ("d/x.parquet", "d/x-00000.parquet/e/y.parquet"),
    ],
)
def test_colliding_keys_are_refused_by_name(one: str, other: str) -> None:
    fs = Keys(skip_instance_cache=True)
    fs.keys = (f"b/in/{one}", f"b/in/{other}")
    with pytest.raises(InputUnreadable, match="one of two input files") as refused:
        names_of(list_inputs(fs, "gs://b/in"))
    assert escaped_name(one) in str(refused.value)
    assert escaped_name(other) in str(refused.value)
    assert str(refused.value).isprintable()
    names = [name for name in (one, other) if name.isprintable() and "\\" not in name]
    assert all(name in str(refused.value) for name in names)
    assert len(names) == 2 or ascii(one)[1:-1] in str(refused.value)


@pytest.mark.parametrize("key", ["../x", "a/../../x", "./x", "a/./x", "..//x", "a/..//../x"])
@pytest.mark.parametrize("pattern", ["", "/**", "/**/*.parquet"])
def test_dot_segment_is_refused_by_name(key: str, pattern: str) -> None:
    with pytest.raises(InputUnreadable, match=r"'\.' or '\.\.' in its key") as refused:
        listed("ok", key, pattern=pattern)
    assert key in str(refused.value)


@pytest.mark.parametrize("pattern", ["**/_aimlapi/*.parquet", "**/_aimlapi/*/parts/*.parquet"])
def test_output_never_lies_in_the_folder_of_runs(pattern: str) -> None:
    with pytest.raises(InputUnreadable, match="_aimlapi/"):
        names_of(listed("_aimlapi/x", "_aimlapi/0/parts/part-00000", pattern=f"/{pattern}"))


def test_long_name_is_refused_before_a_run() -> None:
    assert names_of(listed("a" * 1000))
    with pytest.raises(InputUnreadable, match="more than 1,024 characters"):
        names_of(listed("\t" * 400))


@pytest.mark.parametrize(
    ("key", "pattern"),
    [("a\tb", "**"), ("a\nb", "*"), (".\t./b", ".*/*"), (".\t.\t/b", ".*/*")],
)
def test_key_that_azure_takes_for_another_is_refused(key: str, pattern: str) -> None:
    from adlfs import AzureBlobFileSystem

    class Azure(Keys):
        protocol = "abfs"
        _strip_protocol = AzureBlobFileSystem._strip_protocol

    fs = Azure(skip_instance_cache=True)
    fs.keys = (f"b/in/{key}.parquet",)
    with pytest.raises(InputUnreadable, match="as that of another object") as refused:
        list_inputs(fs, f"abfs://b/in/{pattern}")
    assert str(refused.value).isprintable()


def test_odd_keys_are_read_from_s3_as_they_are(s3_bucket: str) -> None:
    fs = fsspec.filesystem("s3")
    odd = ["a//b", "c\td", "e\\f", "g%09h", "k?l", "m#n", "o\x7fp"]
    for text in odd:
        with fs.open(f"{s3_bucket}/in/{text}.parquet", "wb") as file:
            pq.write_table(pa.table({"text": [text]}), file)
    data_set = open_data_set(fs, f"s3://{s3_bucket}/in/")
    read = {
        shard.visible_name: batch["text"].to_pylist()
        for shard in plan_shards(data_set.files)
        for batch in data_set.read_tables(shard)
    }
    assert read == {
        f"{escaped_name(text.replace('//', '/'))}-00000.parquet": [text] for text in odd
    }


def test_local_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / b"\xff\x01.parquet".decode("utf-8", "surrogateescape")).touch()
    with pytest.raises(InputUnreadable, match=r"%FF%01\.parquet is not UTF-8"):
        list_inputs(fsspec.filesystem("file"), str(tmp_path))
