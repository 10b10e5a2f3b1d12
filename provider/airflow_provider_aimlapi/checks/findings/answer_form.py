"""Finds out which of the published forms answers have: dialect, finish reasons, text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.json_values import as_text
from airflow_provider_aimlapi.checks.facts import Fact, open_fact, settled_fact
from airflow_provider_aimlapi.checks.plan import DATED, DOTTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_provider_aimlapi.checks.replies import Reply

_DIALECTS = {"msg_": "native", "gen-": "superset"}
"""The dialect, by the start of an answer's id."""
WORDS = {
    "Anthropic's": ("end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"),
    "OpenAI's": ("stop", "length", "tool_calls", "content_filter"),
}


def form_facts(replies: Mapping[str, Reply]) -> Iterator[Fact]:
    """Yield the facts about the form of all completions."""
    # One refused call leaves the facts of its model to the model's other calls.
    for name, model in (("dated", DATED), ("dotted", DOTTED)):
        found = [reply for reply in replies.values() if reply.call.model == model]
        answered = [reply for reply in found if reply.completion is not None]
        reason = next((reply.problem for reply in found if reply.problem), "no answer")
        if not answered:
            yield open_fact(f"dialect-{name}", reason)
            yield open_fact(f"finish-{name}", reason)
            continue
        yield _dialect_fact(f"dialect-{name}", answered)
        yield _finish_fact(f"finish-{name}", answered)
    yield _content_fact("content", [reply for reply in replies.values() if _is_plain(reply)])


def known_reason(word: object) -> str:
    """Return a finish reason if it is a known one, because a foreign text must not be printed."""
    known = [text for words in WORDS.values() for text in words]
    return str(word) if word in known else "another word"


def _dialect_fact(name: str, answered: list[Reply]) -> Fact:
    ids = [as_text(reply.payload.get("id")) for reply in answered]
    starts = {start for start in _DIALECTS if any(one.startswith(start) for one in ids)}
    if not starts:
        return open_fact(name, "the answers' ids begin neither with msg_ nor with gen-")
    detail = f"ids begin with {_join_sorted(starts)}"
    return settled_fact(name, _join_sorted(_DIALECTS[start] for start in starts), detail)


def _finish_fact(name: str, answered: list[Reply]) -> Fact:
    words = {known_reason(reply.finish_reason) for reply in answered}
    whose = {vendor for vendor, known in WORDS.items() if words.intersection(known)}
    detail = ", ".join(sorted(words))
    return settled_fact(name, _join_sorted(whose), detail) if whose else open_fact(name, detail)


def _is_plain(reply: Reply) -> bool:
    return reply.completion is not None and not reply.call.name.startswith("tool")


def _content_fact(name: str, plain: list[Reply]) -> Fact:
    kinds = {_kind_of(reply.first_message.get("content")) for reply in plain}
    if not kinds:
        return open_fact(name, "no answer")
    return settled_fact(name, _join_sorted(kinds), f"{len(plain)} answers")


def _kind_of(content: object) -> str:
    if isinstance(content, str):
        return "string"
    return "list of parts" if isinstance(content, list) else "null"


def _join_sorted(words: Iterable[str]) -> str:
    return " and ".join(sorted(words))
