"""Finds the JSON object in an answer: alone, as a text, in a code fence, or within other text.

The object itself is read strictly. A trailing comma, a comment, NaN or a name that comes twice makes an
answer invalid.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.answers.faults import Fault, shown_value
from airflow_provider_aimlapi.core.schemas.json_copies import without_twins
from airflow_provider_aimlapi.core.schemas.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTS_MAX = 32
"""How many braces are tried as the start of an object. Each may cost a reading of the whole rest."""
_FENCE = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
_NAMED = re.compile(r"\s*\"")
"""After a brace, this begins an object. `{topic}` within a sentence is none."""
_NOT_JSON, _NO_OBJECT = "is not JSON", "is not a JSON object"
_scan = json.JSONDecoder().raw_decode
_decode = msgspec.json.Decoder().decode


def find_object(text: str | None) -> dict[str, object] | Fault:
    """Return the one JSON object in an answer, or what is wrong with the answer."""
    stripped = (text or "").strip().removeprefix("\ufeff")
    if not stripped:
        return Fault(ROOT, "is missing, because the answer is empty")
    found = _read_object(stripped)
    if not isinstance(found, Fault) or found.expectation != _NOT_JSON:
        return found  # also a fault of JSON itself: the only object of a list is not the answer
    return _first_object(stripped, found) if stripped.startswith("{") else _object_within(stripped)


def _first_object(text: str, fault: Fault) -> dict[str, object] | Fault:
    """Return the object that a text begins with, unless another one may follow."""
    try:
        _, end = _scan(text)
    except (ValueError, RecursionError):
        return fault
    return fault if "{" in text[end:] else _read_object(text[:end])


def _object_within(text: str) -> dict[str, object] | Fault:
    """Return the object within other text. Two objects leave open which of them is meant."""
    fenced = [inner.strip() for inner in _FENCE.findall(text) if inner.strip()[:1] in ("{", "[")]
    # A fence marks the answer. Without one, any object in the text may be it.
    candidates = fenced or list(_candidate_texts(text))
    if not candidates:
        return Fault(ROOT, _NO_OBJECT, shown_value(text))
    if len(candidates) > 1:
        return Fault(ROOT, "is more than one JSON object", shown_value(text))
    return _read_object(candidates[0])


def _candidate_texts(text: str) -> Iterator[str]:
    """Yield the parts of a text that Python's lenient reader accepts as objects.

    The last one may be an object that it refuses. One inside of that is not the answer.
    """
    start = text.find("{")
    for _ in range(STARTS_MAX):
        if start < 0:
            return
        try:
            _, end = _scan(text, start)
        except (ValueError, RecursionError):
            end = start + 1
            if _NAMED.match(text, end):
                yield text[start:]
                return
        else:
            yield text[start:end]
        start = text.find("{", end)


def _read_object(text: str) -> dict[str, object] | Fault:
    """Read a text that should be an object, or an object within a JSON text."""
    try:
        found = _decode(text)
        # An object as a text within JSON, as a tool's arguments may come.
        if isinstance(found, str):
            text = found
            found = _decode(text)
    except RecursionError:
        return Fault(ROOT, "is nested too deeply" if text.startswith("{") else _NOT_JSON)
    except (msgspec.MsgspecError, UnicodeError):
        return Fault(ROOT, _NOT_JSON, shown_value(text))
    if not isinstance(found, dict):
        return Fault(ROOT, _NO_OBJECT, shown_value(found))
    if _has_a_name_twice(text, found):
        return Fault(ROOT, "has a name twice", shown_value(text))
    return found


def _has_a_name_twice(text: str, found: dict[str, object]) -> bool:
    """Return whether decoding has dropped a property, because another of the same name follows.

    A dropped one takes its quotation marks with it. So marks are counted before all names are compared.
    """
    if text.count('"') == msgspec.json.encode(found).count(b'"') and "\\u0022" not in text:
        return False
    try:
        json.loads(text, object_pairs_hook=without_twins)
    except (ValueError, RecursionError):
        return True
    return False
