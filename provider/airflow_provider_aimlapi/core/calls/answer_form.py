"""How a request asks for an answer that follows a schema: the forms that a model's dialect has.

1. A forced tool: the model must call a tool whose arguments have the schema. It excludes thinking.
2. `response_format`: the gateway asks for the schema. Strictness is not promised.
3. Instructed JSON: the system text asks for it. Every model accepts that.

Answers are checked in any case. If the API refuses the first form, the second one is tried once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

from airflow_provider_aimlapi.core.calls.dialect import model_of
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.request import CompletionSpec

FormName = Literal["", "forced tool", "response_format", "instructed JSON"]
FORCED_TOOL: FormName = "forced tool"
TOOL_NAME = "record"
"""The tool that the model must call, and the name of the schema."""
_INSTRUCTION = (
    "Answer with one JSON object and nothing else: no text before or after it, and no code fence. "
    "The object must follow this JSON schema:\n"
)
_TOOL_DESCRIPTION = "Record the answer."


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerForm:
    """A form of requests.

    Attributes:
        name: for logs and the journal; "" for a request without a schema.
        fields: top-level fields that the request has beside its parameters.
        instruction: a text after the system text; "" for none.
    """

    name: FormName = ""
    fields: dict[str, object] = field(default_factory=dict)
    instruction: str = ""


FREE = AnswerForm()
"""Requests without a schema."""


def forms_of(spec: CompletionSpec, schema_json: bytes) -> tuple[AnswerForm, ...]:
    """Return the forms to try, the best one first.

    Args:
        schema_json: the schema. It is sent as it is, because models answer in the order of its
            properties.

    Raises:
        InvalidSpec: the parameters have tools of their own, which a form would replace.
    """
    if spec.tools is not None or spec.tool_choice is not None:
        raise InvalidSpec("output_schema excludes tools and tool_choice. Leave them out.")
    instructed = AnswerForm(name="instructed JSON", instruction=_INSTRUCTION + schema_json.decode())
    schema = msgspec.Raw(schema_json)
    best = model_of(spec.model).dialect.answer_form
    if best == "response_format":
        return _response_format(schema), instructed
    # A model that thinks refuses a forced tool with 400.
    if best == "instructed JSON" or _has_thinking(spec):
        return (instructed,)
    return _forced_tool(spec, schema), instructed


def _has_thinking(spec: CompletionSpec) -> bool:
    return spec.thinking is not None and spec.thinking.get("type") != "disabled"


def _forced_tool(spec: CompletionSpec, schema: msgspec.Raw) -> AnswerForm:
    fields: dict[str, object] = {
        "tools": [{"name": TOOL_NAME, "description": _TOOL_DESCRIPTION, "input_schema": schema}],
        "tool_choice": {"type": "tool", "name": TOOL_NAME, "disable_parallel_tool_use": True},
    }
    if model_of(spec.model).dialect.thinks_by_default:
        fields["thinking"] = {"type": "disabled"}
    return AnswerForm(name=FORCED_TOOL, fields=fields)


def _response_format(schema: msgspec.Raw) -> AnswerForm:
    described = {"name": TOOL_NAME, "strict": True, "schema": schema}
    fields: dict[str, object] = {
        "response_format": {"type": "json_schema", "json_schema": described}
    }
    return AnswerForm(name="response_format", fields=fields)
