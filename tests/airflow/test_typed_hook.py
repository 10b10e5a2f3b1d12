"""The hook returns an object of a schema, or raises with the answer attached."""

from __future__ import annotations

import inspect
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, field_validator

from aimlapi_simulator.faults.script import Fault, Script
from airflow_provider_aimlapi.errors import AnswerInvalid, InvalidSpec, RequestRejected
from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook
from airflow_provider_aimlapi.hooks.call_arguments import CallArguments

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_database")]
MODELS = (
    "anthropic/claude-sonnet-4-6-20260218",
    "anthropic/claude-sonnet-4.6",
    "anthropic/claude-sonnet-5-5",
)
"""One for each form of requests."""


class Ticket(BaseModel):
    topic: Literal["billing", "delivery"]
    urgency: int = Field(ge=1, le=5)
    quote: str = Field(json_schema_extra={"quote_of": "body"})


class Strict(Ticket):
    @field_validator("urgency")
    @classmethod
    def refuse(cls, urgency: int) -> int:
        raise ValueError(f"never {urgency}")


@pytest.fixture
def hook(api: Any, connect: Any) -> AIMLAPIHook:
    return AIMLAPIHook(connect("typed", host=api.simulator.url, password="key"))


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_is_an_object_of_the_class(hook: AIMLAPIHook, model: str) -> None:
    ticket = hook.complete("My parcel is late.", output_schema=Ticket, model=model)
    assert type(ticket) is Ticket
    assert ticket.quote in "My parcel is late."


def test_a_class_checks_an_answer_once(hook: AIMLAPIHook) -> None:
    """Its validators may have effects, or accept an answer only once."""
    checked: list[str] = []

    class Once(Ticket):
        @field_validator("quote")
        @classmethod
        def note(cls, quote: str) -> str:
            checked.append(quote)
            return quote.upper()

    assert hook.complete("It broke.", output_schema=Once).quote == "IT BROKE."
    assert checked == ["It broke."]


def test_an_answer_to_a_mapping_is_a_dict(hook: AIMLAPIHook) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    answer = hook.complete("Count.", output_schema=schema)
    assert list(answer) == ["n"]
    assert isinstance(answer["n"], int)


def test_an_invalid_answer_is_repaired(hook: AIMLAPIHook, api: Any) -> None:
    api.follow(Script(faults=(Fault(kind="typed-wrong-type", times=2),)))
    assert isinstance(hook.complete("It broke.", output_schema=Ticket, repairs=2), Ticket)
    assert api.paid_calls == 3


def test_an_answer_that_stays_invalid_is_attached(hook: AIMLAPIHook, api: Any) -> None:
    api.follow(Script(faults=(Fault(kind="typed-not-json"),)))
    with pytest.raises(
        AnswerInvalid, match=r"does not follow output_schema: \$ is not a JSON"
    ) as caught:
        hook.complete("It broke.", output_schema=Ticket)
    assert api.paid_calls == 2
    assert caught.value.text
    assert caught.value.text not in str(caught.value)
    assert caught.value.cost_nano_usd == api.simulator.ledger.total_credits * 500


def test_a_class_that_refuses_shows_no_value(hook: AIMLAPIHook) -> None:
    with pytest.raises(AnswerInvalid, match=r"\$\.urgency is refused by Strict") as caught:
        hook.complete("It broke.", output_schema=Strict, repairs=0)
    assert "never" not in str(caught.value)
    assert "never" in caught.value.in_full


def test_an_answer_that_was_cut_off_is_attached(hook: AIMLAPIHook) -> None:
    with pytest.raises(AnswerInvalid, match="max_tokens") as caught:
        hook.complete("It broke.", output_schema=Ticket, max_tokens=5)
    assert caught.value.text is not None


def test_a_form_that_is_refused_is_tried_in_another(hook: AIMLAPIHook, api: Any) -> None:
    api.follow(Script(faults=(Fault(kind="400", times=1),)))
    assert isinstance(hook.complete("It broke.", output_schema=Ticket), Ticket)
    api.follow(Script(faults=(Fault(kind="400"),)))
    with pytest.raises(RequestRejected):
        hook.complete("It broke.", output_schema=Ticket)


def test_wrong_arguments_are_refused_before_a_call(hook: AIMLAPIHook, api: Any) -> None:
    with pytest.raises(InvalidSpec, match="repairs=4"):
        hook.complete("It broke.", output_schema=Ticket, repairs=4)
    with pytest.raises(InvalidSpec, match="Give a Pydantic class"):
        hook.complete("It broke.", output_schema="ticket.json")  # type: ignore[call-overload]
    with pytest.raises(InvalidSpec, match="excludes tools"):
        hook.complete("It broke.", output_schema=Ticket, tools=[{"name": "x"}])
    assert api.paid_calls == 0


def test_overloads_have_the_arguments_of_the_hook() -> None:
    names = set(inspect.signature(AIMLAPIHook.complete).parameters)
    assert names - {"self", "prompt", "output_schema"} == set(CallArguments.__annotations__)
