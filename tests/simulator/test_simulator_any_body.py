"""Every body is read or refused, in every dialect and by every gateway."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimlapi_simulator import Cache, Forms, Gateway, Script
from aimlapi_simulator.schema.chat_request import ChatRequest, parse_chat
from aimlapi_simulator.schema.refusal import InvalidBody
from tests.simulator.conftest import DOTTED, LATEST, SONNET, Start

MODELS = (DOTTED, SONNET, LATEST, "claude-opus-4-8", "claude-opus-5", "claude-haiku-5.5")
GATEWAYS = [
    Gateway(documents=documents, is_strict=is_strict, drops=drops)
    for documents in ("live", "older")
    for is_strict in (False, True)
    for drops in ((), ("system", "tools"))
]
MARK = {"type": "ephemeral", "ttl": "1h"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
TEXT = st.builds(lambda text: {"type": "text", "text": text, "cache_control": MARK}, st.text())
TOOL = {"name": "keep", "input_schema": {"type": "object", "properties": {"a": {"enum": [1]}}}}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "system": st.text() | st.lists(TEXT, max_size=3),
    "stop": st.text() | st.lists(st.text()),
    "stop_sequences": st.lists(st.text()),
    "thinking": st.sampled_from(
        [{"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}, {"type": "disabled"}]
    ),
    "reasoning_effort": st.sampled_from(["none", "low", "high", "max"]),
    "reasoning": st.sampled_from([{"effort": "low"}, {"max_tokens": 9, "exclude": True}]),
    "response_format": st.sampled_from([{"type": "json_object"}, {"type": "text"}]),
    "tools": st.lists(st.sampled_from([TOOL, TOOL | {"cache_control": MARK}]), max_size=2),
    "tool_choice": st.sampled_from([{"type": "any"}, {"type": "tool", "name": "keep"}, "required"]),
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "top_k": st.integers(0, 99),
    "max_tokens": st.integers(1, 4096),
    "metadata": st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
    "stream": st.booleans(),
}
ROLES = st.sampled_from(["user", "assistant", "system", "developer", "tool"])
CONTENT = st.text(min_size=1) | st.lists(TEXT, min_size=1, max_size=5)
MESSAGES = st.lists(st.fixed_dictionaries({"role": ROLES, "content": CONTENT}), min_size=1)
BODIES = st.fixed_dictionaries(
    {"model": st.sampled_from(MODELS), "messages": MESSAGES | JSON},
    optional={name: values | JSON for name, values in VALUES.items()},
)


def read_or_refused(body: dict[str, Any], gateway: Gateway) -> ChatRequest | InvalidBody:
    try:
        return parse_chat(msgspec.json.encode(body), gateway)
    except InvalidBody as error:
        return error


@settings(deadline=None, max_examples=300)
@given(body=BODIES, gateway=st.sampled_from(GATEWAYS))
def test_every_body_is_read_or_refused(body: dict[str, Any], gateway: Gateway) -> None:
    read = read_or_refused(body, gateway)
    if isinstance(read, InvalidBody):
        assert (read.status, bool(str(read))) == (400, True)
    else:
        assert read.prompt_tokens >= 1
        assert all(mark.tokens <= read.prompt_tokens for mark in read.marks)


@settings(deadline=None, max_examples=300)
@given(body=BODIES)
def test_strict_reads_what_lenient_reads_or_refuses(body: dict[str, Any]) -> None:
    strict = read_or_refused(body, Gateway(is_strict=True))
    if not isinstance(strict, InvalidBody):
        assert strict == read_or_refused(body, Gateway())


@pytest.mark.parametrize("gateway", GATEWAYS, ids=str)
async def test_every_gateway_answers_a_plain_request(start: Start, gateway: Gateway) -> None:
    play = await start(Script(gateway=gateway))
    statuses = {(await play.ask(model=model)).status_code for model in MODELS}
    assert statuses == {200}


@pytest.mark.parametrize(
    "forms",
    [
        Forms(envelope="seeded", finish_reasons="seeded", cost="seeded", content="seeded"),
        Forms(cached_tokens="beside", reasoning_tokens="beside", prices="measure"),
        Forms(tool_content="seeded", vendor_errors="seeded", content="parts"),
    ],
    ids=str,
)
@pytest.mark.parametrize("stream", [False, True])
async def test_every_form_comes_whole_and_in_events(
    start: Start, forms: Forms, stream: bool
) -> None:
    play = await start(Script(forms=forms, cache=Cache(miss_share=0.5)))
    system = [{"type": "text", "text": "s" * 8000, "cache_control": MARK}]
    for number in range(6):
        answer = await play.ask(f"Row {number}", system=system, stream=stream)
        assert answer.status_code == 200
