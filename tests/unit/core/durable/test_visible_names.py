"""Names of output files, made from keys of input files."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.durable.visible_names import (
    escaped,
    has_dot_segment,
    has_half_pair,
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
    assert escaped(text) == expected


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
