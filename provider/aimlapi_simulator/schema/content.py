"""Texts, tokens and cache marks of a body, in the order of a model: tools, system, messages."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from aimlapi_simulator.pricing import TOKENS_OF_A_FILE, TOKENS_OF_TOOL_USE, tokens_in
from aimlapi_simulator.schema.refusal import wrong_value

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILES = frozenset({"image", "document", "image_url", "file", "input_audio", "video_url"})
_TTL_S = {"5m": 300.0, "1h": 3600.0}
MARKS_MAX = 4
SYSTEM_ROLES = frozenset({"system", "developer"})


class Mark(msgspec.Struct, frozen=True, gc=False):
    """The end of a prefix that may be cached.

    Attributes:
        digest: hash of the prefix.
        tokens: tokens of the prefix.
        ttl_s: seconds for which the prefix is stored.
    """

    digest: bytes
    tokens: int
    ttl_s: float


class Content(msgspec.Struct, kw_only=True):
    """The texts, tokens and marks of a body.

    Attributes:
        system: the text of the system prompt.
        prompt: the user's text. Several messages are joined by a line break, and the parts of one by
            nothing, because a part may end anywhere in a sentence.
        tokens: tokens of everything that was sent.
        marks: the ends of the prefixes that may be cached.
    """

    system: str
    prompt: str
    tokens: int
    marks: tuple[Mark, ...] = ()


def read_content(
    tools: Sequence[dict[str, Any]], system: str | list[Any], messages: Sequence[Any]
) -> Content:
    """Read a body's texts. One text with a plain system and no tools takes a shortcut."""
    if len(messages) == 1 and not tools and isinstance(system, str):
        message = messages[0]
        text = message.content
        if isinstance(text, str) and message.role == "user":
            tokens = tokens_in(text) + (tokens_in(system) if system else 0)
            return Content(system=system, prompt=text, tokens=tokens)
    return _Reader().read_content(tools, system, messages)


class _Reader:
    def __init__(self) -> None:
        self.tokens = 0
        self.marks: list[Mark] = []
        self.systems: list[str] = []
        self.prompts: list[str] = []
        self._digest = sha256()  # of everything read so far, for the next mark

    def read_content(
        self, tools: Sequence[dict[str, Any]], system: str | list[Any], messages: Sequence[Any]
    ) -> Content:
        """Read tools, system and messages.

        The order matters, because a mark covers everything before it.
        """
        # The number of marks is checked last, because all three may have some.
        for tool in tools:
            self._read_tool(tool)
        self._read_system(system)
        for position, message in enumerate(messages):
            self._read_message(message, position)
        if len(self.marks) > MARKS_MAX:
            received = f"{len(self.marks)} of them"
            raise wrong_value("cache_control", f"at most {MARKS_MAX} marks", received)
        return Content(
            system="\n".join(self.systems),
            prompt="\n".join(self.prompts),
            tokens=self.tokens,
            marks=tuple(self.marks),
        )

    def _read_tool(self, tool: dict[str, Any]) -> None:
        if not self.tokens:
            self.tokens = TOKENS_OF_TOOL_USE
        definition = {name: value for name, value in tool.items() if name != "cache_control"}
        encoded = msgspec.json.encode(definition)
        self._add_content(encoded, tokens_in(encoded.decode()))
        mark = tool.get("cache_control")
        if isinstance(mark, dict):
            self._add_mark(str(mark.get("ttl", "5m")))

    def _read_system(self, system: str | list[Any]) -> None:
        if isinstance(system, str):
            if system:
                self._read_text(system, self.systems)
            return
        texts: list[str] = []
        for part in system:
            self._read_text(part.text, texts)
            self._mark_after(part)
        self.systems.append("".join(texts))

    def _read_message(self, message: Any, position: int) -> None:
        role, content = message.role, message.content
        if content is None:
            if role != "assistant":
                path = f"messages[{position}].content"
                raise wrong_value(path, "string or array", "nothing")
            return
        # Texts of other roles count as tokens, but belong neither to the prompt nor to the system.
        texts = self.prompts if role == "user" else []
        texts = self.systems if role in SYSTEM_ROLES else texts
        if isinstance(content, str):
            self._read_text(content, texts)
            return
        pieces: list[str] = []
        for part in content:
            self._read_part(part, pieces)
            self._mark_after(part)
        if pieces:
            texts.append("".join(pieces))

    def _read_part(self, part: Any, texts: list[str]) -> None:
        if hasattr(part, "text"):
            self._read_text(part.text, texts)
        elif part.__struct_config__.tag in _FILES:
            self._add_content(msgspec.json.encode(part), TOKENS_OF_A_FILE)

    def _read_text(self, text: str, texts: list[str]) -> None:
        texts.append(text)
        self._add_content(text.encode("utf-8", "surrogatepass"), tokens_in(text))

    def _add_content(self, content: bytes, tokens: int) -> None:
        self._digest.update(b"%d:" % len(content))
        self._digest.update(content)
        self.tokens += tokens

    def _mark_after(self, part: Any) -> None:
        mark = getattr(part, "cache_control", msgspec.UNSET)
        if mark is not msgspec.UNSET:
            self._add_mark(mark.ttl)

    def _add_mark(self, ttl: str) -> None:
        self.marks.append(Mark(self._digest.digest(), self.tokens, _TTL_S.get(ttl, 300.0)))
