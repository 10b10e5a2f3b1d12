"""Which names a glob takes in, and how far it may reach."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.storage.input.globs import matches_glob, may_reach, split_glob


@pytest.mark.parametrize(
    ("path", "root", "pattern"),
    [
        ("lake/tickets", "lake/tickets", ""),
        ("lake/ds=2026-*/x.parquet", "lake", "ds=2026-*/x.parquet"),
        ("lake/a/*.parquet", "lake/a", "*.parquet"),
        ("*.parquet", "", "*.parquet"),
        ("lake/a?/b", "lake", "a?/b"),
    ],
)
def test_root_is_what_stands_before_the_first_wildcards_folder(
    path: str, root: str, pattern: str
) -> None:
    assert split_glob(path) == (root, pattern)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("", "a/b/c.parquet"),
        ("*.parquet", "a.parquet"),
        ("*", "deep/er/a.parquet"),
        ("ds=2026-*", "ds=2026-01-01/a.parquet"),
        ("ds=2026-*/", "ds=2026-01-01/a.parquet"),
        ("**/*.parquet", "a.parquet"),
        ("**/*.parquet", "x/y/a.parquet"),
        ("x/**", "x/y/z/a.parquet"),
        ("part-[0-3].pq", "part-2.pq"),
        ("part-[!0-3].pq", "part-7.pq"),
        ("part-?.pq", "part-é.pq"),
        ("a[*]b.pq", "a*b.pq"),
        ("_staged/*.pq", "_staged/a.pq"),
        ("a(1)+.pq", "a(1)+.pq"),
    ],
)
def test_matches(pattern: str, name: str) -> None:
    assert matches_glob(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("", "_aimlapi/x/part-0.parquet"),
        ("", "a/.tmp/b.parquet"),
        ("", "_SUCCESS"),
        ("*.parquet", "deep/a.parquet"),
        ("*", "_aimlapi/x/part-0.parquet"),
        ("*", ".hidden.parquet"),
        ("**", "x/_aimlapi/a.parquet"),
        ("**/*.parquet", "_aimlapi/a.parquet"),
        ("x/*", "x/y/_z/a.parquet"),
        ("?x.pq", "_x.pq"),
        ("part-[0-3].pq", "part-4.pq"),
        ("part-[!0-3].pq", "part-2.pq"),
        ("a.pq", "abpq"),
        ("a(1)+.pq", "a11.pq"),
    ],
)
def test_does_not_match(pattern: str, name: str) -> None:
    assert not matches_glob(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "folder", "expected"),
    [
        ("*.parquet", "out", False),
        ("*", "out", True),
        ("*/*.parquet", "out", True),
        ("in-*/x", "out", False),
        ("**/*.parquet", "out/deep", True),
        ("in-*/**", "in-1/deep", True),
        ("ds=*/a", "ds=1/b", False),
        ("*/b/*.parquet", "out/c", False),
    ],
)
def test_reach(pattern: str, folder: str, *, expected: bool) -> None:
    assert may_reach(pattern, folder) is expected
