"""Finds out from prompt tokens and answers whether a system text reaches the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.checks.facts import Fact, open_fact, settled_fact
from airflow_provider_aimlapi.checks.plan import SYSTEM, WORD
from airflow_provider_aimlapi.checks.replies import without_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_aimlapi.checks.replies import Reply

ARRIVED_TOKENS_MIN = len(SYSTEM) // 10
"""A tenth of the text's characters. The text has 25 to 60 tokens with any tokenizer."""
DROPPED_TOKENS_MAX = 2
"""One or two tokens may come from another frame of the message, and not from the text."""
_PAIRS = {
    "system-dated": "plain-dated",
    "system-dotted": "plain-dotted",
    "system-field-dotted": "plain-dotted",
}


def system_facts(replies: Mapping[str, Reply]) -> Iterator[Fact]:
    """Yield for each call with a system text whether it arrived, compared with the call without one."""
    for name, plain in _PAIRS.items():
        yield _arrival_fact(name, replies[name], replies[plain])


def characters_per_token(replies: Mapping[str, Reply]) -> float | None:
    """Return the characters in a token of SYSTEM; None if the counts do not show them."""
    extra = _extra_tokens(replies["system-dated"], replies["plain-dated"])
    if extra is None or extra < ARRIVED_TOKENS_MIN:
        return None
    return len(SYSTEM) / extra


def _arrival_fact(name: str, reply: Reply, plain: Reply) -> Fact:
    if reply.completion is None:
        return without_answer(name, reply)
    is_obeyed = WORD in (reply.completion.text or "").lower()
    obeyed = "the answer obeys it" if is_obeyed else "the answer does not obey it"
    # 1. Without counts, only an obedient answer shows that the text arrived.
    # 2. An obedient answer, or enough more tokens: it arrived.
    # 3. Hardly more tokens: it was dropped. 4. Anything between stays open.
    extra = _extra_tokens(reply, plain)
    if extra is None:
        detail = f"no prompt_tokens to compare; {obeyed}"
        return settled_fact(name, "arrives", detail) if is_obeyed else open_fact(name, detail)
    detail = f"{extra} more prompt tokens with it; {obeyed}"
    if is_obeyed or extra >= ARRIVED_TOKENS_MIN:
        return settled_fact(name, "arrives", detail)
    if extra <= DROPPED_TOKENS_MAX:
        return settled_fact(name, "dropped", detail)
    return open_fact(name, detail)


def _extra_tokens(reply: Reply, plain: Reply) -> int | None:
    counts = [one.completion.prompt_tokens if one.completion else None for one in (reply, plain)]
    with_it, without = counts
    return None if with_it is None or without is None else with_it - without
