"""The catalogue and the latencies, which need no key."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_simulator import Forms, Latency, Script
from tests.contract.published import complaints
from tests.simulator.conftest import DOTTED, LATEST, SONNET, Playground, Start
from tests.simulator.endpoint_schemas import answer_validator_of

NO_KEY = {"Authorization": ""}


async def models(play: Playground, **parameters: Any) -> list[dict[str, Any]]:
    answer = await play.http.get("/v1/models", params=parameters, headers=NO_KEY)
    assert answer.status_code == 200
    assert complaints(answer_validator_of("models.json"), answer.json()) == []
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


async def test_everything_without_sections(play: Playground) -> None:
    every = await models(play)
    assert {DOTTED, LATEST} <= {model["id"] for model in every}
    assert not any("pricing" in model for model in every)


async def test_a_price_is_found_by_id_and_by_alias(play: Playground) -> None:
    by_id = await models(play, include="pricing", id=DOTTED)
    by_alias = await models(play, include="pricing", id=SONNET)
    assert by_id == by_alias
    (model,) = by_id
    assert model["pricing"]["kind"] == "fixed"
    prices = {unit["origin"]: (unit["price"], unit["per"]) for unit in model["pricing"]["units"]}
    assert prices["provided"] == (3.9, 1_000_000)
    assert prices["generated"] == (19.5, 1_000_000)


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("origin", ["provided", "generated", "cached", "cache_write"]),
        ("measure", ["input", "output", "cached_input", "cache_write"]),
    ],
)
async def test_both_forms_of_prices(start: Start, form: Any, names: list[str]) -> None:
    play = await start(Script(forms=Forms(prices=form)))
    (model,) = await models(play, include="pricing", id="claude-haiku-5-5")
    pricing = model["pricing"]
    (step,) = pricing["thresholds"]
    for units in (pricing["units"], step["units"]):
        assert [unit[form] for unit in units] == names
        assert {unit.get("type") for unit in units} == {"charge" if form == "origin" else None}
    prices, dearer = (
        [unit["price"] for unit in units] for units in (pricing["units"], step["units"])
    )
    assert prices == [1.3, 6.5, 0.13, 1.625]
    assert dearer == [2 * price for price in prices]
    assert step["above"] == 100_000


async def test_filters_combine(play: Playground) -> None:
    assert len(await models(play, id=f"{SONNET},{LATEST}")) == 2
    assert len(await models(play, id=[SONNET, LATEST])) == 2
    assert await models(play, id=SONNET, output_modalities="video") == []
    assert await models(play, type="openai/images") == []
    (one,) = await models(play, id=SONNET, capabilities="tools", include="everything,all")
    assert {"pricing", "modalities", "capabilities"} <= set(one)
    (other,) = await models(play, id=SONNET, details="true")
    assert other == one


async def test_an_etag_saves_the_body(play: Playground) -> None:
    first = await play.http.get("/v1/models")
    again = await play.http.get("/v1/models", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    other = await play.http.get("/v1/models", params={"include": "pricing"})
    assert other.headers["etag"] != first.headers["etag"]


async def test_metrics_measure_only_what_succeeded_lately(start: Start) -> None:
    play = await start(Script(latency=Latency(median_s=0.02)))
    empty = (await play.http.get("/models/metrics", headers=NO_KEY)).json()
    assert complaints(answer_validator_of("models.metrics.json"), empty) == []
    assert empty["models"] == []
    await play.ask()
    await play.ask(stream=True)
    body = (await play.http.get("/models/metrics", params={"aliases": SONNET})).json()
    assert complaints(answer_validator_of("models.metrics.json"), body) == []
    (model,) = body["models"]
    assert model["alias"] == DOTTED
    assert model["metrics"]["duration_ms"]["p50"] >= 20
    assert model["metrics"]["tps"]["p50"] > 0
    assert model["metrics"]["ttft_ms"]["p50"] >= 20
    others = (await play.http.get("/models/metrics", params={"aliases": LATEST})).json()
    assert others["models"] == []
    await play.control("POST", "clock", {"advance_s": 301})
    assert (await play.http.get("/models/metrics")).json()["models"] == []


@pytest.mark.parametrize("parameters", [{"alias": SONNET}, {"aliases": SONNET, "window": "1h"}])
async def test_metrics_refuse_any_other_parameter(
    play: Playground, parameters: dict[str, Any]
) -> None:
    assert (await play.http.get("/models/metrics", params=parameters)).status_code == 400
