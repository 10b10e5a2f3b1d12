"""No path that is typed opens a file system that is not on the list, or one behind another.

All of fsspec's file systems are replaced by our own, which only note that they were made.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import warnings
from typing import TYPE_CHECKING

import fsspec.core
import pytest
from fsspec.registry import get_filesystem_class, known_implementations
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.texts.typed_path import (
    NEVER_ALLOWED,
    VARIABLE,
    parse_allowed_schemes,
    parse_typed_path,
)
from airflow_provider_aimlapi.errors import AimlapiError, InvalidSpec
from airflow_provider_aimlapi.storage.access.opening import open_file_system
from tests.fakes.recorded_file_systems import recorded_file_systems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALLOWED = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "file"}
PROTOCOLS = sorted({*known_implementations, "s3n", "adl", "webdav+http", "warp"})
COLONS = [
    "\N{FULLWIDTH COLON}",
    "\N{RATIO}",
    "\N{MODIFIER LETTER COLON}",
    "\N{HEBREW PUNCTUATION SOF PASUQ}",
]
SEPARATORS = [
    "://",
    ":///",
    ":/",
    ":",
    "::",
    ":::",
    ":\\\\",
    "%3A//",
    ":%2F%2F",
    ": //",
    "\t://",
    ":\n//",
    "\0://",
    "\x7f://",
    "\u200b://",
    *(f"{colon}//" for colon in COLONS),
]
SPELLINGS: list[Callable[[str], str]] = [
    str,
    str.upper,
    str.title,
    lambda scheme: f" {scheme}",
    lambda scheme: f"{scheme} ",
    lambda scheme: f"\x00{scheme}",
    lambda scheme: f"\ufeff{scheme}",
    lambda scheme: scheme.replace("s", "\N{LATIN SMALL LETTER LONG S}"),
    lambda scheme: scheme.replace("i", "\N{LATIN SMALL LETTER DOTLESS I}"),
    lambda scheme: "".join(f"%{ord(letter):02x}" for letter in scheme),
    lambda scheme: f"url:{scheme}",
    lambda scheme: f"{scheme}+file",
]
PLACES = [
    "bucket/in/",
    "",
    "/",
    "/etc/passwd",
    "conn@bucket/in",
    "user:password@host/in",
    "127.0.0.1:21/in",
    "bucket/a::b",
    "bucket/in#x",
    "host.blob.core.windows.net/in",
    "*/in",
]


def chains() -> Iterator[str]:
    """Every protocol in front of every other, written in each way that fsspec or UPath reads."""
    for first, second in itertools.product(PROTOCOLS, PROTOCOLS):
        yield f"{first}::{second}://bucket/in"
        yield f"{first}://bucket/in::{second}://host/x"
        yield f"{first}://{second}://host/x"
        yield f"{first}://bucket/in%3A%3A{second}%3A//host/x"
    for inner in PROTOCOLS:
        yield f"simplecache::zip://a.parquet::{inner}://host/x.zip"
        yield f"/data/in::{inner}://host/x"
        yield f"filecache::dir::{inner}:///etc"


def spelled() -> Iterator[str]:
    """Every protocol in every spelling, separator and place."""
    for protocol, spell, separator, place in itertools.product(
        PROTOCOLS, SPELLINGS, SEPARATORS, PLACES
    ):
        yield f"{spell(protocol)}{separator}{place}"


URLS = [*chains(), *spelled()]


def test_the_sweep_is_large() -> None:
    assert len(URLS) > 100_000


@pytest.fixture
def made() -> Iterator[list[str]]:
    with recorded_file_systems({*PROTOCOLS, "file", "memory"}) as made:
        yield made


def test_command_opens_only_listed_file_systems(made: list[str]) -> None:
    opened = set()
    for url in URLS:
        made.clear()
        try:
            open_file_system(url)
        except AimlapiError:
            assert made == [], url
        else:
            assert len(made) == 1, url
            opened.update(made)
    assert opened == ALLOWED


def test_operator_opens_only_listed_file_systems(made: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a first import of Airflow warns of is not ours
        from airflow_provider_aimlapi.operators.locations import open_location, parse_location
    accepted = set()
    for url in [*chains(), *URLS[::5]]:
        try:
            location = parse_location(url, argument="input_path", storage_conn_id=None)
        except InvalidSpec:
            continue
        accepted.add(location.scheme)
        assert "::" not in location.url
        assert location.url.count("://") == 1
        assert location.url.startswith(f"{location.scheme}://")
    assert accepted == ALLOWED - {"az"}  # which is opened as abfs
    for url in ("ftp://host/x", "zip://x::http://host/y", "reference://x", "memory://a/b"):
        with pytest.raises(InvalidSpec):
            open_location(parse_location(url, argument="input_path", storage_conn_id=None))
    assert made == []


def test_schemes_that_a_deployment_allows_do_not_chain(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = {*PROTOCOLS} - NEVER_ALLOWED
    monkeypatch.setenv(VARIABLE, ",".join(sorted(allowed)))
    opened = set()
    for url in chains():
        made.clear()
        try:
            open_file_system(url)
        except AimlapiError:
            assert made == [], url
        else:
            assert len(made) == 1, url
            opened.update(made)
    assert opened == (allowed | ALLOWED) - {"file", "arrow_hdfs"}  # of the last fsspec itself warns


OPENERS = {
    "url_to_fs",
    "filesystem",
    "get_filesystem_class",
    "open_files",
    "open_local",
    "get_mapper",
}
OPENERS |= {"UPath", "ObjectStoragePath", "attach", "get_fs", "from_uri"}


def test_file_systems_are_made_in_two_places_only(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath / "provider" / "airflow_provider_aimlapi"
    found = set()
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in OPENERS:
                found.add(str(file.relative_to(root)))
    assert found == {"operators/locations.py", "storage/access/opening.py"}


def takes_a_second_url(kind: type) -> bool:
    """Whether a file system, or one that it is made of, is told of another one."""
    options = {name for base in kind.__mro__ for name in _options(base)}
    return not options.isdisjoint({"target_protocol", "fo", "default_method"})


def _options(base: type) -> set[str]:
    own = vars(base).get("__init__")
    return set(inspect.signature(own).parameters) if callable(own) else set()


def test_file_systems_that_open_others_cannot_be_allowed() -> None:
    looked_at = 0
    for protocol in known_implementations:
        try:
            kind = get_filesystem_class(protocol)
        except (ImportError, AttributeError):  # not installed, or retired
            continue
        looked_at += 1
        if takes_a_second_url(kind):
            assert protocol in NEVER_ALLOWED
    assert looked_at > 20


@pytest.mark.parametrize("setting", [*sorted(NEVER_ALLOWED), "ftp://", "f p!", "s3, zip", "http::"])
def test_setting_that_would_chain_is_refused(setting: str) -> None:
    with pytest.raises(InvalidSpec, match="allowed_schemes"):
        parse_allowed_schemes(setting)


PIECES = ["s3", "file", "zip", "simplecache", "memory", "://", "::", ":", "/", "//", "..", "@", "a"]
PIECES += ["?", "#", "*", "\\", "\n", "%3A", " ", "é", "\u2028", "x.parquet", "[", "\ud800"]
typed_paths = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(max_size=20).map("s3://bucket/{}".format),
    st.text(max_size=20).map("/{}".format),
)


@given(typed=typed_paths)
def test_accepted_path_is_one_link_of_its_own_scheme(typed: str) -> None:
    try:
        path = parse_typed_path(typed, what="input_path", allowed=frozenset(ALLOWED))
    except InvalidSpec:
        return
    with recorded_file_systems(known_implementations):
        links = fsspec.core._un_chain(path.url, {})
    assert [protocol for _, protocol, _ in links] == [path.scheme]
    assert path.scheme in ALLOWED


@pytest.mark.parametrize(
    "typed",
    [
        "s3://user:MARKER@bucket/in",
        "MARKER::s3://bucket/in",
        "s3:/user:MARKER@bucket/in",
        "MARKER@bucket/in",
        "postgresql://user:MARKER@host/db",
        "s3://bucket/MARKER\n",
        "https://host/x?sig=MARKER",
        "s3://id with MARKER@bucket/in",
    ],
)
def test_refusal_quotes_no_secret(typed: str) -> None:
    from airflow_provider_aimlapi.operators.locations import parse_location

    if typed == "s3://bucket/MARKER\n":
        typed = "s3://bucket/MARKER\n/in"
    with pytest.raises(InvalidSpec) as refused:
        parse_location(typed, argument="input_path", storage_conn_id=None)
    assert "MARKER" not in str(refused.value)
