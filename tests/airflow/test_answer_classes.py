"""A Pydantic class as a schema: its fields become columns, and its own validators decide last."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator, model_validator

from airflow_provider_aimlapi.core.answers.faults import Invalid, Valid
from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.hooks.answer_classes import typed_answers


class Refund(BaseModel):
    """Money to return."""

    usd: float = Field(alias="in usd")
    scores: dict[str, int] = {}

    @field_validator("usd")
    @classmethod
    def check_usd(cls, usd: float) -> float:
        if usd > 100:
            raise ValueError(f"{usd} is too much")
        if usd == 13:
            raise RuntimeError("secret 13")
        if usd == 14:
            sys.exit("secret 14")
        return usd

    @field_validator("scores")
    @classmethod
    def check_scores(cls, scores: dict[str, int]) -> dict[str, int]:
        return {name: Positive(value=value).value for name, value in scores.items()}


class Positive(BaseModel):
    value: int = Field(gt=0)


class Keyed(BaseModel):
    scores: dict[str, Positive]

    @model_validator(mode="after")
    def check(self) -> Keyed:
        if len(self.scores) > 2:
            raise ValueError("secret scores")
        return self


def check(answer_class: type[BaseModel], answer: object) -> Valid | Invalid:
    schema, check_class = typed_answers(answer_class)
    return AnswerValidator(schema, check_class).check_answer(json.dumps(answer), {})


def test_names_of_classes_are_no_part_of_a_schema() -> None:
    renamed = type("Money", (Refund,), {"__doc__": Refund.__doc__})
    assert typed_answers(renamed)[0] == typed_answers(Refund)[0]
    schema = typed_answers(Refund)[0].canonical_json
    assert b"title" not in schema
    assert b"Money to return." in schema


def test_a_class_accepts_what_its_validators_accept() -> None:
    result = check(Refund, {"in usd": 5})
    assert result == Valid('{"in usd":5.0}')


@pytest.mark.parametrize(
    ("answer", "shown", "in_full"),
    [
        ({"in usd": 101}, '$["in usd"] is refused by Refund', "101.0 is too much"),
        ({"in usd": 13}, "$ is refused by Refund (RuntimeError)", "secret 13"),
        ({"in usd": 14}, "$ is refused by Refund (SystemExit)", "secret 14"),
        ({"in usd": "5"}, '$["in usd"] is not of type "number"', '"5"'),
    ],
)
def test_any_exception_of_a_class_makes_an_answer_invalid(
    answer: dict[str, Any], shown: str, in_full: str
) -> None:
    result = check(Refund, answer)
    assert isinstance(result, Invalid)
    assert result.shown_fault == shown
    assert in_full in result.in_full


def test_an_interrupt_of_the_main_thread_passes() -> None:
    """It may be Ctrl-C or a time-out of Airflow's, which Python raises in the main thread only."""

    class Interrupted(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def check(cls, a: int) -> int:
            raise KeyboardInterrupt(a)

    with pytest.raises(KeyboardInterrupt):
        check(Interrupted, {"a": 1})


def test_a_key_of_the_answer_is_not_shown() -> None:
    fine, bad = {"value": 1}, {"value": 2**40}
    assert isinstance(check(Keyed, {"scores": {"secret": fine}}), Valid)
    result = check(Keyed, {"scores": {"secret": fine, "other": fine, "more": bad}})
    assert isinstance(result, Invalid)
    assert "secret" not in result.shown_fault
    assert "secret" in result.in_full


@pytest.mark.parametrize("value", ["Ticket", 5, dict, ["a"]])
def test_another_kind_of_value_is_refused(value: object) -> None:
    with pytest.raises(InvalidSpec, match="Give a Pydantic class"):
        typed_answers(value)


def test_a_class_without_a_schema_is_refused() -> None:
    class Odd(BaseModel, arbitrary_types_allowed=True):
        a: complex
        b: type[int]

    with pytest.raises(InvalidSpec, match="output_schema"):
        typed_answers(Odd)
