"""Chat bodies, checked and boiled down to what an answer depends on; no HTTP, no money, no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from aimlapi_simulator.catalogue import BY_ID, Model
from aimlapi_simulator.faults import MODEL_NOT_FOUND
from aimlapi_simulator.pricing import TOKENS_OF_A_FILE, tokens_in
from aimlapi_simulator.schema.alias import AliasBody
from aimlapi_simulator.schema.alias import Message as AliasMessage
from aimlapi_simulator.schema.classic import ClassicBody
from aimlapi_simulator.schema.classic import Message as ClassicMessage
from aimlapi_simulator.schema.hints import explain, hint
from aimlapi_simulator.schema.parts import ThinkingOn
from aimlapi_simulator.schema.tools import Tool, forced_tool, parse_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILES = frozenset({"image", "document", "image_url", "file", "input_audio", "video_url"})


class InvalidBody(Exception):
    """The body is refused before anything is spent.

    Attributes:
        status: 400, or 404 for a model that does not exist.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ChatRequest(msgspec.Struct, kw_only=True, gc=False):
    """What an answer depends on.

    Attributes:
        prompt: The user's text; several messages or parts joined by a line break.
        prompt_tokens: Of everything that was sent.
        cache_prefix: What precedes the first `cache_control`; empty without one.
        forced_tool: The tool that the answer must call, if any.
    """

    model: Model
    requested_model: str
    system: str
    prompt: str
    prompt_tokens: int
    max_tokens: int
    stop_sequences: list[str]
    is_stream: bool
    is_thinking: bool
    cache_prefix: str
    forced_tool: Tool | None


class _Peek(msgspec.Struct):
    model: str


_peek = msgspec.json.Decoder(_Peek).decode
_decode_classic = msgspec.json.Decoder(ClassicBody).decode
_decode_alias = msgspec.json.Decoder(AliasBody).decode


def parse_chat(body: bytes) -> ChatRequest:
    """Check a body against the schema of its own model.

    Raises:
        InvalidBody: 400 with a hint, or 404 for an unknown model.
    """
    try:
        parsed = _decode_classic(body)  # the usual case: one decoding
        model = BY_ID.get(parsed.model)
        if model is not None and model.is_classic:
            return _boil_down(parsed, model)
    except msgspec.MsgspecError:
        pass  # another model's body, or a wrong one: look closer
    except RecursionError:
        raise InvalidBody(400, hint("body", "JSON", "too many levels")) from None
    return _parse_closely(body)


def _parse_closely(body: bytes) -> ChatRequest:
    try:
        name = _peek(body).model
        model = BY_ID.get(name)
        if model is None:
            raise InvalidBody(404, f"{MODEL_NOT_FOUND}: {name[:100]}")
        return _boil_down(_decode_classic(body) if model.is_classic else _decode_alias(body), model)
    except msgspec.ValidationError as error:
        raise InvalidBody(400, explain(str(error), body)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidBody(400, hint("body", "JSON", str(error))) from None


def _boil_down(body: ClassicBody | AliasBody, model: Model) -> ChatRequest:
    max_tokens = (
        model.default_max_tokens if body.max_tokens is msgspec.UNSET else int(body.max_tokens)
    )
    thinking = body.thinking
    if isinstance(thinking, ThinkingOn) and thinking.budget_tokens >= max_tokens:
        expected = f"less than max_tokens ({max_tokens})"
        raise InvalidBody(
            400, hint("thinking.budget_tokens", expected, str(thinking.budget_tokens))
        )
    system, cache_prefix = _read_system(body.system)
    prompt, prompt_tokens = _read_messages(body.messages)
    if system:
        prompt_tokens += tokens_in(system)
    return ChatRequest(
        model=model,
        requested_model=body.model,
        system=system,
        prompt=prompt,
        prompt_tokens=prompt_tokens,
        max_tokens=max_tokens,
        stop_sequences=body.stop_sequences,
        is_stream=body.stream,
        is_thinking=isinstance(thinking, ThinkingOn),
        cache_prefix=cache_prefix,
        forced_tool=_read_tools(body.tools, body.tool_choice) if body.tools else None,
    )


def _read_tools(tools: list[dict[str, Any]], choice: Any) -> Tool | None:
    try:
        known = parse_tools(tools)
    except msgspec.ValidationError as error:
        raise InvalidBody(400, hint("tools", str(error).replace("`", ""), "this tool")) from None
    return forced_tool(known, choice)


def _read_system(system: str | list[Any]) -> tuple[str, str]:
    """Its text, and what of it precedes the last `cache_control`."""
    if isinstance(system, str):
        return system, ""
    texts: list[str] = []
    cached = 0
    for part in system:
        texts.append(part.text)
        if part.cache_control is not msgspec.UNSET:
            cached = len(texts)
    return "\n".join(texts), "\n".join(texts[:cached])


def _read_messages(messages: Sequence[ClassicMessage | AliasMessage]) -> tuple[str, int]:
    """The user's text, and the tokens of all turns."""
    if len(messages) == 1 and isinstance(text := messages[0].content, str):
        return text if messages[0].role == "user" else "", tokens_in(text)
    prompt: list[str] = []
    tokens = 0
    for position, message in enumerate(messages):
        if message.content is None:
            _require_no_content(message.role, position)
            continue
        texts, files = _read_content(message.content)
        tokens += files * TOKENS_OF_A_FILE + sum(map(tokens_in, texts))
        if message.role == "user":
            prompt += texts
    return "\n".join(prompt), tokens


def _require_no_content(role: str, position: int) -> None:
    if role != "assistant":
        raise InvalidBody(400, hint(f"messages[{position}].content", "string or array", "nothing"))


def _read_content(content: str | list[Any]) -> tuple[list[str], int]:
    """Texts, and the number of parts that are files."""
    if isinstance(content, str):
        return [content], 0
    texts = [part.text for part in content if hasattr(part, "text")]
    files = sum(part.__struct_config__.tag in _FILES for part in content)
    return texts, files
