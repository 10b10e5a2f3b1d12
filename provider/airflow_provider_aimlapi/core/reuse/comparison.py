"""Compares an earlier run with this one: whether its answers may be taken, and what differs. Pure.

A request's bytes contain neither the host that receives it nor the API's dialect. The schema of the
answers decides how they are stored. So an answer of another run counts only if these ingredients of
both runs are equal, beside the request.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.core.durable.ingredients import Ingredients

ORIGIN = "the base URL of aimlapi_conn_id"
ROWS = "the text of each row"
"""What differs between two runs whose requests are made in the same way."""
_MODEL = "model"
_TEMPLATES = ("system", "prompt", "examples")
"""With other ones, two runs may still make the same request of some row."""
_NOT_ABOUT_ANSWERS = frozenset(
    {"ask_once", "limit_rows", "output_column", "on_truncated", "repairs"}
)
"""Which rows are sent, how often, how `ok` answers are named, and what follows an answer that is not `ok`. Any other
ingredient, also of another version of this provider, must be equal."""


def why_unusable(earlier: Ingredients, now: Ingredients) -> str | None:
    """Return what makes each answer of another run unusable; None if some may be taken."""
    return next(_differences_that_matter(earlier, now), None)


def has_same_template(earlier: Ingredients, now: Ingredients) -> bool:
    """Return whether equal rows make equal requests in both runs."""
    return next(_differences_of_templates(earlier, now), None) is None


def first_difference(earlier: Ingredients, now: Ingredients) -> str:
    """Return the first argument that differs."""
    found = chain(_differences_that_matter(earlier, now), _differences_of_templates(earlier, now))
    return next(found, ROWS)


def _differences_that_matter(earlier: Ingredients, now: Ingredients) -> Iterator[str]:
    if _is_different(earlier.values, now.values, "origin"):
        yield ORIGIN
    old, new = earlier.parameters, now.parameters
    for name in sorted(old.keys() | new.keys(), key=lambda name: (name != _MODEL, name)):
        if _is_different(old, new, name):
            yield name if name in new else "a parameter"  # a planted plan may name it as it likes
    if _is_different(earlier.values, now.values, "dialect"):
        yield _MODEL
    for name in sorted(earlier.values.keys() | now.values.keys()):
        is_ignored = name in _TEMPLATES or name in _NOT_ABOUT_ANSWERS
        if not is_ignored and _is_different(earlier.values, now.values, name):
            yield name if name in now.values else "an ingredient of another version"


def _differences_of_templates(earlier: Ingredients, now: Ingredients) -> Iterator[str]:
    return (name for name in _TEMPLATES if _is_different(earlier.values, now.values, name))


def _is_different(old: Mapping[str, object], new: Mapping[str, object], name: str) -> bool:
    # Compared as JSON, because 1 and 1.0 are equal in Python, and make two requests.
    mine, theirs = (json.dumps(one.get(name), sort_keys=True) for one in (new, old))
    return mine != theirs
