"""Requests in the superset dialect, in the style of OpenAI and OpenRouter."""

from typing import Annotated, Any, Literal

import msgspec

from aimlapi_simulator.schema.native import AtLeastOne, Maybe, Message, Share


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How much to think, by effort or by tokens, and whether to show it."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | Maybe = msgspec.UNSET
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | Maybe = msgspec.UNSET
    exclude: bool = False


class JsonSchema(msgspec.Struct, frozen=True, kw_only=True):
    """The schema that an answer should fit."""

    name: str
    schema: dict[str, Any] = {}
    strict: bool = False


class AsText(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """Any text."""


class AsObject(msgspec.Struct, frozen=True, tag_field="type", tag="json_object"):
    """Any JSON object."""


class AsSchema(msgspec.Struct, frozen=True, tag_field="type", tag="json_schema"):
    """JSON that fits a schema."""

    json_schema: JsonSchema


class SupersetBody(msgspec.Struct, frozen=True, kw_only=True):
    """The whole body: no `system`, no `stop_sequences`, no `thinking`, no `metadata`."""

    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    stop: str | list[str] = []
    stream: bool = False
    tool_choice: str | dict[str, Any] | Maybe = msgspec.UNSET
    tools: list[dict[str, Any]] = []
    reasoning_effort: Literal["none", "low", "medium", "high"] | Maybe = msgspec.UNSET
    reasoning: Reasoning | Maybe = msgspec.UNSET
    response_format: AsText | AsObject | AsSchema | Maybe = msgspec.UNSET
    max_tokens: AtLeastOne | Maybe = msgspec.UNSET
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | Maybe = msgspec.UNSET
    top_p: Share | Maybe = msgspec.UNSET
    top_k: Annotated[float, msgspec.Meta(ge=0)] | Maybe = msgspec.UNSET
