"""Names of output files, made from keys of input files."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.durable.visible_names import (
    escaped_name,
    has_dot_segment,
    has_half_pair,
    unhidden,
    without_dot_segments,
    without_empty_segments,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ds=1/a b é.parquet", "ds=1/a b é.parquet"),
        ("a\tb\\c", "a%09b%5Cc"),
        ("\x85\u2028", "%C2%85%E2%80%A8"),
        ("\udcff", "%FF"),
        ("\ud800", "%ED%A0%80"),
        ("100%", "100%"),
    ],
)
def test_special_characters_are_percent_encoded(text: str, expected: str) -> None:
    assert escaped_name(text) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("_a/.b/c_d.e", "%5Fa/%2Eb/c_d.e"),
        ("__a.parquet", "%5F_a.parquet"),
        ("_ds=1/_x", "_ds=1/%5Fx"),
        (".ds=1", "%2Eds=1"),
        ("_a/ds=1", "%5Fa/ds=1"),
        ("_aimlapi/a", "_aimlapi/a"),
        ("_aimlapi", "%5Faimlapi"),
    ],
)
def test_no_segment_of_an_output_is_hidden(key: str, expected: str) -> None:
    assert unhidden(key) == expected


def test_empty_segments_are_left_out() -> None:
    assert without_empty_segments("//a///b/") == "a/b"
    assert without_empty_segments("") == ""


def test_dot_segments_are_found_and_left_out() -> None:
    assert has_dot_segment("a/../b")
    assert has_dot_segment("./b")
    assert not has_dot_segment("a..b/.c/...")
    assert without_dot_segments("a/../b/./c") == "a/b/c"


def test_text_that_is_no_utf8_is_found() -> None:
    assert has_half_pair("a\udcffb")
    assert not has_half_pair("a\N{GRINNING FACE}b")
