"""A schema for runs with typed answers, and the simulator's faults of such answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimlapi_simulator import Fault
from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.core.calls.request import CompletionSpec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.job import Job
    from tests.runs.conftest import Workplace

TICKET = answer_schema(
    {
        "type": "object",
        "properties": {
            "topic": {"type": "string", "enum": ["billing", "delivery", "quality"]},
            "urgency": {"type": "integer", "minimum": 1, "maximum": 5},
            "refund_usd": {"type": ["number", "null"]},
            "is_urgent": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "quote": {"type": "string", "quote_of": "body"},
        },
        "required": ["topic", "urgency", "is_urgent", "tags", "quote"],
        "additionalProperties": False,
    }
)
FORCED, FORMAT, INSTRUCTED = (
    "anthropic/claude-sonnet-4-6-20260218",
    "anthropic/claude-sonnet-4.6",
    "anthropic/claude-sonnet-5-5",
)
MODELS = (FORCED, FORMAT, INSTRUCTED)
"""One for each form of requests."""
LENIENT = ("typed-fences", "typed-prose", "typed-as-text", "typed-beside")
INVALID = (
    "typed-trailing-comma",
    "typed-wrong-type",
    "typed-missing-field",
    "typed-extra-field",
    "typed-enum-case",
    "typed-number-as-text",
    "typed-cut",
    "typed-duplicate-key",
    "typed-nan",
    "typed-nesting",
    "typed-not-json",
    "typed-two",
    "typed-empty",
)
ALWAYS: dict[str, Any] = {}
UNTIL_FIRST_REPAIR: dict[str, Any] = {"times": 1}
UNTIL_SECOND_REPAIR: dict[str, Any] = {"times": 2}


def spoiled(row: int, kind: str, until: dict[str, Any]) -> Fault:
    """Return the fault that strikes one row of `texts_table`."""
    return Fault(kind=kind, contains=f"Ticket {row}.", **until)


def typed_job(place: Workplace, model: str = FORCED, **changes: Any) -> Job:
    """Return a job with the schema."""
    spec = CompletionSpec(model=model, max_tokens=16_000)
    return place.job(**{"completion": spec, "schema": TICKET} | changes)
