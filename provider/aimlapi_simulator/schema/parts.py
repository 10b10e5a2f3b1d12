"""Content parts that all native dialects have in common, as in the published schema."""

from typing import Annotated, Any, Literal

import msgspec

ImageKind = Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
DocumentKind = Literal["application/pdf", "text/plain"]


class Open(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """An object with a `type` that may carry further names."""


class Closed(Open, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object with a `type` and no other names than its own."""


class Thinking(Closed, frozen=True, tag="thinking"):
    """What the model thought in an earlier turn."""

    thinking: str
    signature: str


class RedactedThinking(Open, frozen=True, tag="redacted_thinking"):
    """The same, encrypted."""

    data: str


class ThinkingOn(Open, frozen=True, tag="enabled"):
    """Thinking with a budget."""

    budget_tokens: Annotated[int, msgspec.Meta(ge=1024)]
    display: Literal["summarized", "omitted"] = "summarized"


class ChoiceAuto(Open, frozen=True, tag="auto"):
    """The model decides about tools."""


class ChoiceAny(Open, frozen=True, tag="any"):
    """Some tool must be called."""


class ChoiceNone(Open, frozen=True, tag="none"):
    """No tool may be called."""


class ChoiceTool(Open, frozen=True, tag="tool"):
    """This tool must be called."""

    name: str


class InputSchema(msgspec.Struct, frozen=True, kw_only=True):
    """JSON schema of a tool's input; more names are allowed."""

    type: Literal["object"]
    properties: dict[str, Any] = {}
    required: list[str] = []


class FunctionOfTool(msgspec.Struct, frozen=True, kw_only=True):
    """The function inside a tool of OpenAI's kind."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    strict: bool | None = None
