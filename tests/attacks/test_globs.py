"""A glob matches what a plain matcher matches, never leaves its root, and never does much work."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_aimlapi.storage.input import globs
from airflow_provider_aimlapi.storage.input.globs import matches_glob, may_reach, split_glob
from airflow_provider_aimlapi.storage.input.listing import list_inputs

WIDTH = 40
letters = st.sampled_from(["a", "b", "c", "-", "_", ".", "é", "[", "]", "!", "^", "+", "("])
tokens = st.one_of(
    letters,
    st.sampled_from(["*", "**", "?", "[ab]", "[!a]", "[^a]", "[a-c]", "[c-a]", "[_.]", "[!_]"]),
)
segments = st.lists(tokens, min_size=1, max_size=5).map("".join)
patterns = st.lists(st.one_of(segments, st.just("**")), min_size=1, max_size=4).map("/".join)
names = st.lists(
    st.one_of(st.text(st.sampled_from("abc-_.é[!"), min_size=1, max_size=5), st.just("..")),
    min_size=1,
    max_size=4,
).map("/".join)


def plain_match(pattern: list[str], name: list[str]) -> bool:
    """What `matches` promises, by trying everything."""
    if not pattern:
        return not any(segment[0] in "_." for segment in name)
    if not name:
        return False
    first, *rest = pattern
    if first == "**":
        is_data = name[0][0] not in "_."
        here = is_data and (plain_match(pattern, name[1:]) or (not rest and ends(name[1:])))
        return here or (bool(rest) and plain_match(rest, name))
    return plain_segment(first, name[0]) and plain_match(rest, name[1:])


def ends(rest: list[str]) -> bool:
    return not any(segment[0] in "_." for segment in rest)


def plain_segment(pattern: str, segment: str) -> bool:
    is_literal = re.match(r"[*?]|\[[!^]?\]?[^\]]*\]", pattern) is None
    if segment in {".", ".."} or (segment[0] in "_." and not is_literal):
        return False
    return plain_characters(pattern, segment)


def plain_characters(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(plain_characters(pattern[1:], text[skip:]) for skip in range(len(text) + 1))
    if not text:
        return False
    group = re.match(r"\[([!^]?)(\]?[^\]]*)\]", pattern)
    if group is None:
        return pattern[0] in {"?", text[0]} and plain_characters(pattern[1:], text[1:])
    is_in = in_class(group[2], text[0]) if group[2] else text[0] == group[1]
    is_negated = bool(group[1] and group[2])
    return is_in is not is_negated and plain_characters(pattern[group.end() :], text[1:])


def in_class(characters: str, letter: str) -> bool:
    while characters:
        if len(characters) > 2 and characters[1] == "-":
            if characters[0] <= letter <= characters[2]:
                return True
            characters = characters[3:]
        elif characters[0] == letter:
            return True
        else:
            characters = characters[1:]
    return False


@given(pattern=patterns, name=names)
@example(pattern="[!_]*/x", name="../x")
@example(pattern="[^a]*", name="_x")
@example(pattern=".*", name="..")
@example(pattern="a/**", name="a/b/_c")
@example(pattern="**/**/a", name="a")
def test_glob_agrees_with_a_plain_matcher(pattern: str, name: str) -> None:
    expected = plain_match([one for one in pattern.split("/") if one], name.split("/"))
    assert matches_glob(pattern, name) is expected


@given(pattern=patterns, name=names)
def test_what_matches_can_be_reached(pattern: str, name: str) -> None:
    if matches_glob(pattern, name):
        folders = name.split("/")[:-1]
        for depth in range(len(folders) + 1):
            assert may_reach(pattern, "/".join(folders[:depth]))


@given(pattern=patterns, name=names)
def test_no_glob_matches_a_dot_segment(pattern: str, name: str) -> None:
    if {".", ".."} & set(name.split("/")):
        assert not matches_glob(pattern, name)


@pytest.mark.parametrize("first", ["*", "?x", "[!a]x", "[^a]x", "[_]x", "[_.]x", "[!-~]x", "[!a]*"])
@pytest.mark.parametrize("name", ["_x", ".x", "..", "."])
def test_wildcard_matches_no_leading_underscore_or_dot(first: str, name: str) -> None:
    assert not matches_glob(first, name)
    assert not matches_glob(f"a/{first}", f"a/{name}")


class Counted:
    """A piece of a segment's pattern, and how often it was looked for."""

    looks = 0

    def __init__(self, piece: re.Pattern[str]) -> None:
        self._piece = piece

    def __getattr__(self, method: str) -> Any:
        Counted.looks += 1
        return getattr(self._piece, method)


@pytest.mark.parametrize(
    "pattern", ["*a" * 30 + "b", "*?" * 30 + "b", "*[ab]" * 30 + "c", "*" * 99]
)
def test_segment_is_matched_by_one_look_for_each_piece(pattern: str) -> None:
    segment = globs._parsed_segment(pattern)
    pieces = len(segment.pieces)
    counting: Any = tuple(map(Counted, segment.pieces))
    counted = replace(segment, pieces=counting)
    Counted.looks = 0
    assert counted.matches_segment("a" * 1000) == (pattern == "*" * 99)
    assert Counted.looks <= pieces


@given(pattern=segments)
def test_piece_has_a_fixed_length(pattern: str) -> None:
    """Without a repetition in it, a regular expression has nothing to backtrack into."""
    segment = globs._parsed_segment(pattern)
    for piece in segment.pieces:
        least, most = re._parser.parse(piece.pattern).getwidth()  # type: ignore[attr-defined]
        assert least == most <= len(pattern) or "(?!)" in piece.pattern


def test_folders_are_followed_by_few_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look = globs._Segment.matches_segment

    def counted(segment: globs._Segment, name: str) -> bool:
        nonlocal looks
        looks += 1
        return look(segment, name)

    monkeypatch.setattr(globs._Segment, "matches_segment", counted)
    pattern = "/".join(["**", "a*"] * WIDTH) + "/b"
    assert not matches_glob(pattern, "/".join(["a"] * 3 * WIDTH))
    assert not may_reach("x/" + pattern, "/".join(["a"] * 3 * WIDTH))
    assert looks <= (2 * WIDTH + 1) * 3 * WIDTH
    assert len(globs._parsed_glob("**/" * 1000 + "a").segments) == 2


class FindingAll(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A store whose listing of a folder holds what stands beside it, and stranger keys too."""

    protocol = "gs"
    keys: tuple[str, ...] = ()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(path).removeprefix("gs://")

    def find(self, _: str, **__: Any) -> dict[str, dict[str, Any]]:
        return {key: {"name": key, "size": 1, "etag": "x"} for key in self.keys}


@pytest.mark.parametrize(
    "pattern", ["", "/*", "/**", "/*.parquet", "/[!_]*", "/?*", "/**/*.parquet"]
)
def test_listing_never_leaves_its_root(pattern: str) -> None:
    fs = FindingAll(skip_instance_cache=True)
    fs.keys = ("b/in/a.parquet", "b/in-other/x.parquet", "b/inx.parquet", "b/x.parquet", "b")
    listed = list_inputs(fs, f"gs://b/in{pattern}")
    assert [file.path for file in listed] == ["b/in/a.parquet"]


def test_glob_at_root_of_disk_is_not_working_folder() -> None:
    assert split_glob("/*/a.parquet") == ("/", "*/a.parquet")
