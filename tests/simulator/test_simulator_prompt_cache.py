"""The prompt cache: which calls may read it, for how long, and at what price."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aimlapi_simulator import Cache, Forms, Latency, Script
from aimlapi_simulator.catalogue import BY_ID
from aimlapi_simulator.model.prompt_cache import Cached, PromptCache
from aimlapi_simulator.pricing import Price, Usage, credits_for
from aimlapi_simulator.schema.chat_request import ChatRequest, parse_chat
from aimlapi_simulator.schema.content import Mark
from tests.simulator.conftest import DOTTED, SONNET, Playground, Start

SCRIPT = Script()
LEAST = 1024
USUAL_TTL_S = 300.0


def chat_of(*marks: Mark, model: str = SONNET) -> ChatRequest:
    source = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "x"}}]}}'
    chat = parse_chat(source.encode())
    chat.marks = marks
    return chat


def mark(name: str = "a", tokens: int = LEAST, ttl_s: float = USUAL_TTL_S) -> Mark:
    return Mark(name.encode(), tokens, ttl_s)


def use(cache: PromptCache, at_s: float, *marks: Mark, model: str = SONNET) -> tuple[int, int]:
    """Return the tokens read and written by a call that is answered at once."""
    used = cache.use_cache(chat_of(*marks, model=model), SCRIPT, at_s, begins_s=at_s)
    return used.read, used.written


@pytest.mark.parametrize("ttl_s", [300.0, 3600.0])
def test_a_read_refreshes_the_time_to_live(ttl_s: float) -> None:
    cache, one = PromptCache(), mark(ttl_s=ttl_s)
    assert use(cache, 0.0, one) == (0, LEAST)
    assert use(cache, ttl_s - 1, one) == (LEAST, 0)
    assert use(cache, 2 * ttl_s - 2, one) == (LEAST, 0)
    assert use(cache, 3 * ttl_s, one) == (0, LEAST)


def test_nothing_is_read_before_the_first_answer_begins() -> None:
    cache, chat = PromptCache(), chat_of(mark())
    used = [cache.use_cache(chat, SCRIPT, float(at_s), begins_s=at_s + 3.0) for at_s in range(5)]
    assert [one.read for one in used] == [0, 0, 0, LEAST, LEAST]
    assert [one.written for one in used] == [LEAST, LEAST, LEAST, 0, 0]


def test_each_model_and_each_beginning_by_itself() -> None:
    cache = PromptCache()
    use(cache, 0.0, mark("a"))
    assert use(cache, 0.0, mark("b")) == (0, LEAST)
    assert use(cache, 0.0, mark("a"), model="claude-opus-4-8") == (0, LEAST)
    assert use(cache, 0.0, mark("a"), model=DOTTED) == (LEAST, 0)  # another id of the model


def test_longer_prefix_reads_shorter_one_and_writes_the_rest() -> None:
    cache = PromptCache()
    assert use(cache, 0.0, mark("a")) == (0, LEAST)
    assert use(cache, 1.0, mark("a"), mark("ab", 3000)) == (LEAST, 3000 - LEAST)
    assert use(cache, 2.0, mark("x"), mark("ab", 3000)) == (3000, 0)


@pytest.mark.parametrize(
    ("model", "least"),
    [
        (SONNET, 1024),
        ("claude-opus-4-5", 4096),
        ("claude-opus-4-6", 4096),
        ("claude-opus-4-7", 4096),
        ("claude-haiku-4-5", 4096),
        ("claude-opus-4-8", 1024),
        ("claude-opus-5", 512),
        ("claude-sonnet-5-5", 512),
    ],
)
def test_shorter_prefixes_than_the_models_least_are_not_kept(model: str, least: int) -> None:
    cache = PromptCache()
    assert use(cache, 0.0, mark(tokens=least - 1), model=model) == (0, 0)
    assert use(cache, 0.0, mark(tokens=least), model=model) == (0, least)


def test_it_does_not_grow_without_end() -> None:
    cache = PromptCache()
    for number in range(10_001):
        use(cache, 0.0, mark(str(number)))
    assert use(cache, 0.0, mark("0")) == (0, LEAST)
    assert use(cache, 0.0, mark("10000")) == (LEAST, 0)


def test_marks_may_be_ignored_and_reads_may_miss() -> None:
    ignoring = Script(cache=Cache(marks="ignored"))
    assert PromptCache().use_cache(chat_of(mark()), ignoring, 0.0, begins_s=0.0) == Cached()
    missing, cache = Script(cache=Cache(miss_share=0.5)), PromptCache()
    chat = chat_of(mark())
    reads = [cache.use_cache(chat, missing, 1.0, begins_s=1.0).read for _ in range(200)]
    assert 60 < reads.count(0) < 140


def test_writes_cost_more_and_reads_less() -> None:
    price = Price(input_usd=4.0, output_usd=20.0)
    plain = credits_for(Usage(prompt=10_000, completion=1), price)
    written = Usage(prompt=10_000, completion=1, written=10_000, written_1h=4_000)
    assert credits_for(written, price) - plain == 6_000 * 4 * 2 * 0.25 + 4_000 * 4 * 2
    read = Usage(prompt=10_000, completion=1, cached=10_000)
    assert plain - credits_for(read, price) == 10_000 * 4 * 2 * 0.9


def test_long_prompts_cost_the_step() -> None:
    price = BY_ID["claude-haiku-5.5"].price
    below = credits_for(Usage(prompt=100_000, completion=1000), price)
    above = credits_for(Usage(prompt=100_001, completion=1000), price)
    assert above == pytest.approx(2 * below, abs=6)


def marked(ttl: str = "5m") -> list[dict[str, Any]]:
    control = {"type": "ephemeral", "ttl": ttl}
    return [{"type": "text", "text": "s" * 8000, "cache_control": control}]


@pytest.mark.parametrize("form", ["included", "beside"])
async def test_prompt_tokens_may_leave_cached_ones_out(start: Start, form: Any) -> None:
    play = await start(Script(forms=Forms(cached_tokens=form)))
    usages = [(await play.ask("x" * 40, system=marked())).json()["usage"] for _ in range(2)]
    assert [usage["prompt_tokens"] for usage in usages] == [10 if form == "beside" else 2010] * 2


async def test_a_call_beside_the_first_writes_again(start: Start) -> None:
    play = await start(Script(latency=Latency(median_s=3600.0)))
    async with asyncio.TaskGroup() as group:
        first = group.create_task(play.ask("Row 1", system=marked()))
        while (await play.control("GET", "stats"))["in_flight"] == 0:
            assert not first.done()
        await play.control("POST", "script", {"latency": {"median_s": 0.0}})
        beside, after = [(await play.ask(f"Row {n}", system=marked())).json() for n in (2, 3)]
        first.cancel()
    details = [answer["usage"]["prompt_tokens_details"] for answer in (beside, after)]
    assert details == [
        {"cached_tokens": 0, "cache_write_tokens": 2000},
        {"cached_tokens": 2000, "cache_write_tokens": 0},
    ]


async def test_marks_stand_on_tools_turns_and_system_messages(play: Playground) -> None:
    control = {"type": "ephemeral"}
    tool = {"name": "keep", "input_schema": {"type": "object", "description": "d" * 5000}}
    turns = [
        {"role": "system", "content": marked()},
        {"role": "user", "content": marked("1h")},
    ]
    for expected in ("cache_write_tokens", "cached_tokens"):
        body = (
            await play.ask(model=DOTTED, tools=[tool | {"cache_control": control}], messages=turns)
        ).json()
        assert body["usage"]["prompt_tokens_details"][expected] == body["usage"]["prompt_tokens"]


async def test_five_marks_are_too_many(play: Playground) -> None:
    answer = await play.ask(system=marked() * 5)
    assert answer.status_code == 400
    assert (await play.ask(system=marked() * 4)).status_code == 200
