"""What the simulator may answer, in all of its forms, is read by the provider's own client."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import Cache, Forms, Gateway, Script, answer_for, simulator_thread
from aimlapi_simulator.catalogue import BY_ID, MODELS
from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.price_list import fetch_prices
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import complete_one
from airflow_provider_aimlapi.engine.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Completion

KEY = "sim-key-1234567890"
DATED = "anthropic/claude-sonnet-4-6-20260218"
DOTTED = "anthropic/claude-sonnet-4.6"
PROMPT, SYSTEM = "The harbour was built in 1871. It burnt down twice.", "You are a support analyst."
GATEWAYS = [
    Gateway(documents=documents, is_strict=is_strict)
    for documents in ("live", "older")
    for is_strict in (False, True)
]
FORMS = [
    Forms(),
    *(Forms(envelope=one) for one in ("legacy", "seeded")),
    *(Forms(finish_reasons=one) for one in ("anthropic", "openai", "seeded")),
    *(Forms(cost=one) for one in ("header", "meta", "credits", "seeded")),
    Forms(content="parts"),
    Forms(tool_content="null"),
    Forms(cached_tokens="beside", reasoning_tokens="beside"),
    Forms(prices="measure", vendor_errors="plain"),
]


def completion(script: Script, model: str, **parameters: Any) -> Completion:
    with simulator_thread(script) as simulator:
        endpoint = Endpoint(base_url=simulator.url, key=KEY)
        spec = CompletionSpec(model=model, max_tokens=2048, **parameters)
        return complete_one(endpoint, spec, message_of(PROMPT, SYSTEM), Settings(max_attempts=1))


@pytest.mark.parametrize(("gateway", "forms"), list(itertools.product(GATEWAYS, FORMS)), ids=str)
def test_dated_id_brings_text_and_system_in_every_form(gateway: Gateway, forms: Forms) -> None:
    for stream in (False, True):
        answer = completion(Script(gateway=gateway, forms=forms), DATED, stream=stream)
        assert answer.text == answer_for(DATED, SYSTEM, PROMPT, 2048)
        assert answer.status == "ok"
        assert answer.cost_nano_usd or forms.cost in ("header", "seeded")


@pytest.mark.parametrize("is_strict", [False, True])
@pytest.mark.parametrize("model", sorted(model.model_id for model in MODELS))
def test_every_model_takes_what_the_encoder_writes_for_it(model: str, is_strict: bool) -> None:
    script = Script(gateway=Gateway(is_strict=is_strict), cache=Cache(marks="refused"))
    answer = completion(script, model)
    assert answer.text == answer_for(model, SYSTEM, PROMPT, 2048)
    assert (answer.reasoning_tokens or 0) > 0 if BY_ID[model].is_thinking else True


def test_gateway_that_drops_system_is_seen_in_the_tokens() -> None:
    whole = completion(Script(), DATED)
    dropped = completion(Script(gateway=Gateway(drops=("system",))), DATED)
    assert whole.prompt_tokens is not None
    assert dropped.prompt_tokens is not None
    assert dropped.prompt_tokens < whole.prompt_tokens


@pytest.mark.parametrize("form", ["origin", "measure"])
async def test_both_forms_of_the_price_list_are_read(form: Any) -> None:
    with simulator_thread(Script(forms=Forms(prices=form))) as simulator:
        endpoint = Endpoint(base_url=simulator.url, key=KEY)
        async with open_transport(connections_max=1) as transport:
            sonnet = await fetch_prices(endpoint, transport, DATED)
            haiku = await fetch_prices(endpoint, transport, "claude-haiku-5.5")
    assert sonnet is not None
    assert (sonnet.input_nano_usd, sonnet.output_nano_usd) == (3_900_000_000, 19_500_000_000)
    assert haiku is not None
    (step,) = haiku.steps
    assert (step.prompt_tokens, step.input_nano_usd) == (100_000, 2_600_000_000)
