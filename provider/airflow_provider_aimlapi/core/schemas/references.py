"""Replaces a reference in a schema by what it refers to. Only the schema itself is searched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from airflow_provider_aimlapi.core.schemas.keywords import ANNOTATIONS, REMOVED
from airflow_provider_aimlapi.core.schemas.refusal import refusal_at

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.json_types import Json, JsonObject


def target_of(root: JsonObject, reference: Json, path: str) -> Json:
    """Return what a reference refers to.

    Raises:
        InvalidSpec: it is not in the schema. Nothing is fetched.
    """
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise refusal_at(
            path, "refers to another document. Only references such as #/$defs/Name are read."
        )
    found: Json = root
    for token in unquote(reference[1:]).split("/")[1:]:
        # The escapes of JSON Pointer, in the order that RFC 6901 requires.
        name = token.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or name not in found:
            raise refusal_at(path, "refers to a part that the schema does not have.")
        found = found[name]
    return found


def with_annotations(target: Json, schema: JsonObject, keyword: str, path: str) -> Json:
    """Return the target of a reference with the annotations that stand beside the reference.

    Raises:
        InvalidSpec: something else stands beside it.
    """
    beside = {name: value for name, value in schema.items() if name != keyword}
    others = sorted(beside.keys() - ANNOTATIONS - REMOVED)
    if not beside or not isinstance(target, Mapping):
        return target
    if others:
        raise refusal_at(
            path, f"has {others[0]!r} beside {keyword!r}. Move it into what is referred to."
        )
    return {**target, **beside}
