"""The schema of an answer: what the API is sent, and the typed columns that hold the answers.

A schema is read as JSON Schema, draft 2020-12, and each property must have one type that a column can
hold. References are replaced by what they refer to, so a schema never reads a file or a URL, and the
name of a Python class is no part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.answers.schema_validator import validator_of
from airflow_provider_aimlapi.core.schemas.reader import SchemaReader
from airflow_provider_aimlapi.core.schemas.refusal import refusal_at

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.json_types import JsonObject
    from airflow_provider_aimlapi.core.schemas.kinds import Kind, Property

SCHEMA_BYTES_MAX = 256 * 1024
"""A schema is sent with each row. This is 60,000 tokens, which no prompt has to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSchema:
    """A schema whose answers columns can hold.

    Attributes:
        canonical_json: the schema without references, with sorted keywords. The run key covers it,
            and the API is sent it.
        kind: the struct of all properties.
    """

    canonical_json: bytes
    kind: Kind

    @property
    def value(self) -> JsonObject:
        """Return the schema as a JSON object. Each call returns a new one."""
        decoded: JsonObject = msgspec.json.decode(self.canonical_json)
        return decoded

    @property
    def properties(self) -> tuple[Property, ...]:
        """The properties, in the order of their columns."""
        return self.kind.properties

    @property
    def quoted_columns(self) -> tuple[str, ...]:
        """The input's columns that an answer quotes, each once."""
        return tuple(dict.fromkeys(self.kind.quoted_columns()))


def answer_schema(value: JsonObject) -> AnswerSchema:
    """Check a JSON schema, and return it in its canonical form.

    Raises:
        InvalidSpec: it is not a schema, or a column cannot hold a property. The text names the
            property and the reason.
    """
    canonical, kind = SchemaReader(value).read_schema()
    encoded = msgspec.json.encode(canonical)
    if len(encoded) > SCHEMA_BYTES_MAX:
        raise refusal_at(
            "$",
            f"has {len(encoded):,} bytes without its titles. At most {SCHEMA_BYTES_MAX:,} are sent.",
        )
    validator_of(canonical)
    return AnswerSchema(canonical_json=encoded, kind=kind)
