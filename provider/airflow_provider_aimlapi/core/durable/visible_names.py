"""The names of output files, made from the keys of input files. No I/O.

A key may hold characters that an object name must not have. The output's name then differs from it,
so two keys may lead to one name. The planner of a run must refuse that.
"""

from __future__ import annotations

import re

from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER

_SPECIAL = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HIDING = re.compile(rf"(?:\A(?!{RUNS_FOLDER}/)|(?<=/))(?:\.|_(?![^/]*=))")
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
DOTS = frozenset({".", ".."})


def escaped_name(text: str) -> str:
    """Return a text with each backslash, control character and line separator percent-encoded.

    A byte of a local file name that is not UTF-8 is encoded as that byte.
    """
    return _SPECIAL.sub(_percent_encoded, text)


def unhidden(key: str) -> str:
    """Return a key with the `_` or `.` at the beginning of a segment percent-encoded.

    Spark, Trino and pandas do not see such names. A hive folder such as `_ds=1` keeps its name, because
    Spark sees it. The folder of runs keeps its name, because a plan refuses it.
    """
    return _HIDING.sub(_percent_encoded, key)


def without_empty_segments(key: str) -> str:
    """Return a key with single slashes between its segments."""
    return "/".join(segment for segment in key.split("/") if segment)


def without_dot_segments(key: str) -> str:
    """Return a key without the segments that `has_dot_segment` finds. Nothing is resolved."""
    return "/".join(segment for segment in key.split("/") if segment not in DOTS)


def has_dot_segment(key: str) -> bool:
    """Return whether a segment is `.` or `..`, which mean another folder on a disk."""
    return not DOTS.isdisjoint(key.split("/"))


def has_half_pair(text: str) -> bool:
    """Return whether a text cannot be written as UTF-8, such as a local file name of other bytes."""
    return _HALF_PAIR.search(text) is not None


def _percent_encoded(match: re.Match[str]) -> str:
    character = match[0]
    try:
        # Python reads a byte that is no UTF-8 as one of these surrogates. Any other half pair is
        # three bytes.
        data = character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = character.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)
