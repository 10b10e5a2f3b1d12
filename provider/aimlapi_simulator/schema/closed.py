"""Requests to Sonnet 4.6 and 4.5 by the older documents: closed parts, and no role `system`.

The published schema has `tools` and `tool_choice` swapped. Here they are in the right order.
"""

from typing import Annotated, Any, Literal

import msgspec

from aimlapi_simulator.schema.parts import (
    ChoiceAny,
    ChoiceAuto,
    ChoiceNone,
    ChoiceTool,
    Closed,
    DocumentKind,
    ImageKind,
    Open,
    RedactedThinking,
    Thinking,
    ThinkingOn,
)

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Text(Closed, frozen=True, tag="text"):
    """Text."""

    text: str


class ImageSource(msgspec.Struct, frozen=True, kw_only=True):
    """Image data; other sources than base64 are not known."""

    type: Literal["base64"]
    media_type: ImageKind
    data: str


class Image(Closed, frozen=True, tag="image"):
    """An image."""

    source: ImageSource


class DocumentBase64(Open, frozen=True, tag="base64"):
    """A document in base64."""

    media_type: DocumentKind
    data: str


class DocumentText(Open, frozen=True, tag="text"):
    """A document that is plain text."""

    data: str


class Document(Closed, frozen=True, tag="document"):
    """A document."""

    source: DocumentBase64 | DocumentText


class ToolResult(Open, frozen=True, tag="tool_result"):
    """What a tool gave back."""

    tool_use_id: str
    is_error: bool = False
    content: str | list[Text | Image] = ""


class ToolUse(Open, frozen=True, tag="tool_use"):
    """A call of a tool in an earlier turn."""

    id: str
    name: str
    input: dict[str, Any]


Part = Text | Image | Thinking | ToolResult | ToolUse | RedactedThinking | Document


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One turn."""

    role: Literal["user", "assistant"]
    content: str | Annotated[list[Part], msgspec.Meta(max_length=5)]


class ClosedBody(msgspec.Struct, frozen=True, kw_only=True):
    """The whole body."""

    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    metadata: dict[str, str] = {}
    stop_sequences: list[str] = []
    stream: bool = False
    system: str = ""
    tool_choice: ChoiceAuto | ChoiceAny | ChoiceNone | ChoiceTool | msgspec.UnsetType = (
        msgspec.UNSET
    )
    tools: list[dict[str, Any]] = []
    thinking: ThinkingOn | msgspec.UnsetType = msgspec.UNSET
    max_tokens: Annotated[float, msgspec.Meta(ge=1)] | msgspec.UnsetType = msgspec.UNSET
    temperature: Share | msgspec.UnsetType = msgspec.UNSET
    top_p: Share | msgspec.UnsetType = msgspec.UNSET
    top_k: Annotated[float, msgspec.Meta(ge=0)] | msgspec.UnsetType = msgspec.UNSET
