"""Requests in the native dialects of the live documents, with the messages of both vendors."""

from typing import Annotated, Any, Literal

import msgspec

from aimlapi_simulator.schema.parts import (
    DocumentKind,
    ImageKind,
    Open,
    RedactedThinking,
    Thinking,
    ThinkingOn,
)


class CacheControl(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt up to here may be cached."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class Cacheable(Open, frozen=True, kw_only=True):
    """A part after which the cache may end."""

    cache_control: CacheControl | msgspec.UnsetType = msgspec.UNSET


class Text(Cacheable, frozen=True, tag="text"):
    """Text."""

    text: str


class ImageBase64(Open, frozen=True, tag="base64"):
    """An image in base64."""

    media_type: ImageKind
    data: str


class Url(Open, frozen=True, tag="url"):
    """Something behind a URL."""

    url: str


class Image(Cacheable, frozen=True, tag="image"):
    """An image."""

    source: ImageBase64 | Url


class DocumentBase64(Open, frozen=True, tag="base64"):
    """A document in base64."""

    media_type: DocumentKind
    data: str


class DocumentText(Open, frozen=True, tag="text"):
    """A document that is plain text."""

    media_type: Literal["text/plain"]
    data: str


class DocumentContent(Open, frozen=True, tag="content"):
    """A document made of parts."""

    content: str | list[Any]


class Document(Cacheable, frozen=True, tag="document"):
    """A document."""

    source: DocumentBase64 | DocumentText | Url | DocumentContent
    title: str = ""
    context: str = ""


class SearchResult(Cacheable, frozen=True, tag="search_result"):
    """A result of a search of one's own."""

    source: str
    title: str
    content: Text


class ToolReference(Cacheable, frozen=True, tag="tool_reference"):
    """A tool by its name."""

    tool_name: str


class ToolResult(Cacheable, frozen=True, tag="tool_result"):
    """What a tool gave back."""

    tool_use_id: str
    is_error: bool = False
    content: str | list[Text | Image | SearchResult | Document | ToolReference] = ""


class ToolUse(Cacheable, frozen=True, tag="tool_use"):
    """A call of a tool in an earlier turn."""

    id: str
    name: str
    input: dict[str, Any]
    caller: dict[str, Any] = {}  # noqa: RUF012 - msgspec copies the default


class ServerToolUse(ToolUse, frozen=True, tag="server_tool_use"):
    """A call of one of the vendor's own tools."""


class _ServerToolResult(Cacheable, frozen=True, kw_only=True):
    tool_use_id: str
    content: Any


class WebSearchResult(_ServerToolResult, frozen=True, tag="web_search_tool_result"):
    """Found on the web."""


class WebFetchResult(_ServerToolResult, frozen=True, tag="web_fetch_tool_result"):
    """Read from the web."""


class CodeResult(_ServerToolResult, frozen=True, tag="code_execution_tool_result"):
    """What code printed."""


class BashResult(_ServerToolResult, frozen=True, tag="bash_code_execution_tool_result"):
    """What a command printed."""


class EditorResult(_ServerToolResult, frozen=True, tag="text_editor_code_execution_tool_result"):
    """What an editor did."""


class ToolSearchResult(_ServerToolResult, frozen=True, tag="tool_search_tool_result"):
    """Tools that were found."""


class UrlBox(msgspec.Struct, frozen=True, kw_only=True):
    """A URL in a box."""

    url: str
    detail: Literal["low", "high", "auto"] = "auto"


class ImageUrl(Cacheable, frozen=True, tag="image_url"):
    """An image, as OpenAI has it."""

    image_url: UrlBox


class File(Cacheable, frozen=True, tag="file"):
    """A file, as OpenAI has it."""

    file: dict[str, str]


class InputAudio(Open, frozen=True, tag="input_audio"):
    """Sound, as OpenAI has it."""

    input_audio: dict[str, str]


class VideoUrl(Open, frozen=True, tag="video_url"):
    """A film, as OpenAI has it."""

    video_url: UrlBox


class Refusal(Open, frozen=True, tag="refusal"):
    """An earlier refusal."""

    refusal: str


Part = (
    Text
    | Image
    | Thinking
    | ToolResult
    | ToolUse
    | ServerToolUse
    | SearchResult
    | WebSearchResult
    | WebFetchResult
    | CodeResult
    | BashResult
    | EditorResult
    | ToolSearchResult
    | RedactedThinking
    | Document
    | ImageUrl
    | File
    | InputAudio
    | VideoUrl
    | Refusal
)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn, of either vendor's kind; only an assistant's or a function's may lack content."""

    role: Literal["user", "assistant", "system", "developer", "tool", "function"]
    content: str | list[Part] | None = None
    tool_calls: list[dict[str, Any]] = []
    tool_call_id: str | None = None
    name: str | None = None


class SystemText(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the system prompt."""

    text: str
    type: Literal["text"] = "text"
    citations: list[Any] = []
    cache_control: CacheControl | msgspec.UnsetType = msgspec.UNSET


class ThinkingOff(Open, frozen=True, tag="disabled"):
    """No thinking."""


class ThinkingAdaptive(Open, frozen=True, tag="adaptive"):
    """As much thinking as it takes."""

    display: Literal["summarized", "omitted"] = "summarized"


Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
AtLeastOne = Annotated[float, msgspec.Meta(ge=1)]
Maybe = msgspec.UnsetType


class NativeBody(msgspec.Struct, frozen=True, kw_only=True):
    """The whole body of the newer dialect, which is what all native ones have."""

    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    metadata: dict[str, str] = {}
    stop_sequences: list[str] = []
    stream: bool = False
    system: str | list[SystemText] = ""
    tool_choice: str | dict[str, Any] | Maybe = msgspec.UNSET
    tools: list[dict[str, Any]] = []
    thinking: ThinkingOn | ThinkingOff | ThinkingAdaptive | Maybe = msgspec.UNSET
    max_tokens: AtLeastOne | Maybe = msgspec.UNSET


class ClassicBody(NativeBody, frozen=True, kw_only=True):
    """The whole body, with sampling parameters."""

    temperature: Share | Maybe = msgspec.UNSET
    top_p: Share | Maybe = msgspec.UNSET
    top_k: Annotated[float, msgspec.Meta(ge=0)] | Maybe = msgspec.UNSET


class EffortBody(NativeBody, frozen=True, kw_only=True):
    """The whole body, with an effort and no sampling parameters."""

    reasoning_effort: (
        Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | Maybe
    ) = msgspec.UNSET
