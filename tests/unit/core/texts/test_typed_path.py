"""Paths as people type them, taken apart or refused in words that name the fix."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.texts.typed_path import (
    NEVER_ALLOWED,
    OPTION,
    SCHEMES,
    SECTION,
    VARIABLE,
    TypedPath,
    parse_allowed_schemes,
    parse_typed_path,
)
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.provider_info import get_provider_info


def parsed(typed: str) -> TypedPath:
    return parse_typed_path(typed, what="input_path", allowed=SCHEMES)


@pytest.mark.parametrize(
    ("typed", "scheme", "authority", "key"),
    [
        ("s3://lake/in/", "s3", "lake", "/in/"),
        ("S3A://lake", "s3a", "lake", ""),
        ("s3://id@lake/a@b", "s3", "id@lake", "/a@b"),
        (
            "s3://arn:aws:s3:us-east-1:12:accesspoint/a",
            "s3",
            "arn:aws:s3:us-east-1:12:accesspoint",
            "/a",
        ),
        (
            "gs://lake/run=2026-01-01T00:00:00+00:00/",
            "gs",
            "lake",
            "/run=2026-01-01T00:00:00+00:00/",
        ),
        ("abfs://$root/a//b", "abfs", "$root", "/a//b"),
        ("s3://lake/a%3A%3Ab?x#y", "s3", "lake", "/a%3A%3Ab?x#y"),
        ("/data/../in", "file", "", "/data/../in"),
        ("file:///data/[a]/*", "file", "", "/data/[a]/*"),
    ],
)
def test_path_is_taken_apart(typed: str, scheme: str, authority: str, key: str) -> None:
    assert parsed(typed) == TypedPath(scheme=scheme, authority=authority, key=key)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "is empty"),
        ("lake/in", "'lake/in' is neither"),
        ("s3:/lake/in", "is neither"),
        ("zip://a::s3://b/c", "contains '::'"),
        ("/data/a::b", "contains '::'"),
        ("memory://a/b", "memory:// is not allowed.*AIRFLOW__AIMLAPI__ALLOWED_SCHEMES"),
        ("s3n://a/b", "s3n:// is not allowed"),
        ("adl://a/b", "adl:// is not allowed"),
        ("local:///a", "local:// is not allowed"),
        ("\N{KELVIN SIGN}3://a/b", "its scheme is not allowed"),
        ("s3://lake/http://host/x", "second URL"),
        ("s3://lake/a\tb", "control character"),
        ("s3:///in", "bucket or container is missing"),
        ("s3://id@/in", "bucket or container is missing"),
        ("s3://../in", "must be a plain name"),
        ("s3://la*/in", "must be a plain name"),
        ("s3://l\N{FULLWIDTH COLON}x/in", "must be a plain name"),
        ("gs://lake/a/../b", "'..'"),
        ("gs://lake/./b", "'.'"),
        ("file://data/in", "three slashes"),
        ("/", "whole disk"),
        ("/*/in", "first folder"),
        ("/" + "a" * 5000, "4,096"),
    ],
)
def test_other_path_is_refused(typed: str, words: str) -> None:
    with pytest.raises(InvalidSpec, match=words):
        parsed(typed)


def test_setting_adds_schemes() -> None:
    assert parse_allowed_schemes("") == SCHEMES
    assert parse_allowed_schemes(" FTP,memory\n sftp, ") == SCHEMES | {"ftp", "memory", "sftp"}


def test_allowed_set_never_opens_what_may_not_be_allowed() -> None:
    for scheme in NEVER_ALLOWED:
        with pytest.raises(InvalidSpec, match="not allowed"):
            parse_typed_path(f"{scheme}://a/b", what="x", allowed=SCHEMES | NEVER_ALLOWED)


def test_option_is_declared_to_airflow() -> None:
    config = get_provider_info()["config"]
    assert isinstance(config, dict)
    assert list(config) == [SECTION]
    assert set(config[SECTION]["options"]) == {OPTION, "task_tab"}
    assert config[SECTION]["options"][OPTION]["default"] == ""
    assert f"AIRFLOW__{SECTION}__{OPTION}".upper() == VARIABLE
