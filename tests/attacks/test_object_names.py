"""No name that leaves its root, or that a path could be made to mean otherwise, is accepted."""

from __future__ import annotations

import posixpath

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.durable.object_names import ObjectName, is_object_name

ROOT = "/srv/lake/out"
PIECES = [
    "",
    ".",
    "..",
    "...",
    "a",
    "_aimlapi",
    "ds=1",
    "\\",
    "\0",
    "\n",
    "\x7f",
    "\u2028",
    "é",
    "/",
]
names = st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("/".join))


@given(name=names)
def test_accepted_name_stays_below_its_root(name: str) -> None:
    if is_object_name(name):
        path = f"{ROOT}/{name}"
        assert posixpath.normpath(path) == path
        assert path.startswith(f"{ROOT}/")
        assert not set(name) & {"\\", "\0", "\n", "\r", "\u2028"}


@given(name=names)
def test_decoder_accepts_exactly_the_same_names(name: str) -> None:
    try:
        data = msgspec.json.encode(name)
    except UnicodeEncodeError:  # half a surrogate pair cannot be stored at all
        assert not is_object_name(name)
        return
    try:
        decoded = msgspec.json.decode(data, type=ObjectName)
    except msgspec.ValidationError:
        decoded = None
    assert (decoded == name) is is_object_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "ds=2026-01-01/tickets-00000.parquet",
        "_aimlapi/3f/plan.json",
        "a b/…/ü.parquet",
        "...",
        "a.",
    ],
)
def test_ordinary_name_is_accepted(name: str) -> None:
    assert is_object_name(name)
