"""Compiles a schema for validation. A compiled schema fetches nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsonschema_rs import Draft202012Validator, ReferencingError, ValidationError

from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from typing import NoReturn

    from airflow_provider_aimlapi.core.calls.json_types import Json

_REASON_CHARACTERS_MAX = 300


def validator_of(canonical: dict[str, Json]) -> Draft202012Validator:
    """Compile a canonical schema.

    Raises:
        InvalidSpec: a keyword has a value that JSON Schema does not allow.
    """
    try:
        # A canonical schema has no references. The retriever is a second line of defence, because
        # the library would fetch URLs and read files.
        return Draft202012Validator(
            canonical, validate_formats=True, retriever=_refuse_reference, mask="the value"
        )
    except (ValidationError, ReferencingError, ValueError, OverflowError) as error:
        reason = str(getattr(error, "message", error)).splitlines()[0][:_REASON_CHARACTERS_MAX]
        raise InvalidSpec(f"output_schema is not a valid JSON schema: {reason}.") from None


def _refuse_reference(uri: str, /) -> NoReturn:
    raise ValueError(f"{uri} is not in the schema")
