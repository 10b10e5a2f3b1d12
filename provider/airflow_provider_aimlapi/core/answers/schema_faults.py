"""Words a fault that the schema's validator found. The answer's own text is only in the value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.answers.faults import FAULTS_MAX, Fault, shown_value
from airflow_provider_aimlapi.core.schemas.paths import ROOT, step_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jsonschema_rs import Draft202012Validator, ValidationError

    from airflow_provider_aimlapi.core.schemas.kinds import Kind

_OPTIONS_SHOWN_MAX = 12
_WORDS: dict[str, tuple[str, str]] = {
    "type": ("types", "is not of type {}"),
    "enum": ("options", "is not one of {}"),
    "const": ("expected_value", "is not {}"),
    "minimum": ("limit", "is less than {}"),
    "maximum": ("limit", "is greater than {}"),
    "exclusiveMinimum": ("limit", "is not greater than {}"),
    "exclusiveMaximum": ("limit", "is not less than {}"),
    "multipleOf": ("multiple_of", "is not a multiple of {}"),
    "minLength": ("limit", "has less than {} characters"),
    "maxLength": ("limit", "has more than {} characters"),
    "pattern": ("pattern", "does not match the pattern {}"),
    "format": ("format", "does not have the format {}"),
    "minItems": ("limit", "has less than {} items"),
    "maxItems": ("limit", "has more than {} items"),
    "minProperties": ("limit", "has less than {} properties"),
    "maxProperties": ("limit", "has more than {} properties"),
    "required": ("property", "lacks the property {}"),
}
"""For each keyword, the field of the library's error that holds the limit, and the words around it."""
_WITHOUT_LIMIT = {
    "uniqueItems": "has an item twice",
    "additionalProperties": "has a property that the schema does not have",
    "propertyNames": "has a key that the schema does not allow",
}
_ABOUT_NAMES = {"required", "additionalProperties", "propertyNames"}
"""Of these, the value would be the whole object."""


def schema_faults(validator: Draft202012Validator, value: object, kind: Kind) -> tuple[Fault, ...]:
    """Return the first faults of an answer that does not follow the schema.

    Args:
        kind: the type of the whole answer, which shows which steps of a path the model chose.
    """
    found: list[Fault] = []
    try:
        for error in validator.iter_errors(value):
            found += _faults_of_error(error, kind)
            if len(found) >= FAULTS_MAX:
                break
    except ValueError:  # the library does not print values that are nested too deeply
        found.append(Fault(ROOT, "is nested too deeply"))
    return tuple(found[:FAULTS_MAX])


def _faults_of_error(error: ValidationError, kind: Kind) -> Iterable[Fault]:
    """Return the faults of an error. A failed choice has those of its first alternative but null."""
    context: Sequence[Sequence[ValidationError]] = getattr(error.kind, "context", ())
    # A value that may be null fails the alternative null, too, which explains nothing.
    branches = [branch for branch in context if branch and not _is_about_null(branch)]
    if branches:
        return [fault for one in branches[0] for fault in _faults_of_error(one, kind)]
    value = "" if error.kind.name in _ABOUT_NAMES else shown_value(error.instance)
    if error.kind.name == "additionalProperties":
        value = shown_value(error.kind.as_dict().get("unexpected"))
    return [Fault(path_of(error.instance_path, kind), _broken_rule(error), value)]


def _is_about_null(branch: Sequence[ValidationError]) -> bool:
    return any(error.kind.as_dict().get("types") == ["null"] for error in branch)


def path_of(steps: Iterable[str | int], kind: Kind | None) -> str:
    """Return a path into an answer. A key that the model chose is shown as `*`."""
    path = ROOT
    for one in steps:
        if isinstance(one, int):
            path += f"[{one}]"
            kind = kind and kind.item
        else:
            known = [prop for prop in kind.properties if prop.name == one] if kind else []
            path += step_to(one) if known else ".*"
            kind = known[0].kind if known else kind and kind.item
    return path


def _broken_rule(error: ValidationError) -> str:
    name = error.kind.name
    if name not in _WORDS:
        return _WITHOUT_LIMIT.get(name, f"breaks the rule {name!r}")
    field, words = _WORDS[name]
    return words.format(_shown_limit(error.kind.as_dict().get(field)))


def _shown_limit(limit: object) -> str:
    if not isinstance(limit, list):
        return shown_value(limit)
    shown = ", ".join(map(shown_value, limit[:_OPTIONS_SHOWN_MAX]))
    return f"{shown}, …" if len(limit) > _OPTIONS_SHOWN_MAX else shown
