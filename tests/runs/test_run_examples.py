"""Runs with few-shot examples: what is sent, and which runs are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from tests.runs.conftest import texts_table
from tests.runs.typed import typed_job

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

EXAMPLES = (({"body": "The lamp is broken."}, "A broken lamp."),)


def test_examples_are_sent_and_change_the_run(place: Workplace) -> None:
    place.write(texts_table(3))
    first = place.run(place.job(examples=EXAMPLES))
    again = place.run(place.job(examples=EXAMPLES))
    other = place.run(place.job(examples=EXAMPLES * 2))
    assert first.tally.ok == 3
    assert (first.run_key, again.requests) == (again.run_key, 0)
    assert other.run_key != first.run_key
    assert other.tally.prompt_tokens > first.tally.prompt_tokens


def test_a_wrong_example_is_refused_before_the_first_call(place: Workplace) -> None:
    place.write(texts_table(3))
    with pytest.raises(InvalidSpec, match=r"examples\[0\] has no value for 'body'"):
        place.run(place.job(examples=(({}, "A broken lamp."),)))
    assert place.sim.ledger.requests == []


def test_an_object_as_answer_needs_a_schema(place: Workplace) -> None:
    place.write(texts_table(3))
    with pytest.raises(InvalidSpec, match="For an object, set output_schema"):
        place.run(place.job(examples=(({"body": "The lamp is broken."}, {"topic": "quality"}),)))


def test_typed_examples_must_follow_the_schema(place: Workplace) -> None:
    place.write(texts_table(3))
    answer = {"topic": "quality", "urgency": 9, "is_urgent": False, "tags": [], "quote": "lamp"}
    values = {"body": "The lamp is broken."}
    with pytest.raises(InvalidSpec, match=r"examples\[0\]: .* \$\.urgency: 9 is greater than 5"):
        place.run(typed_job(place, examples=((values, answer),)))
    wrong = answer | {"urgency": 5, "quote": "printer"}
    with pytest.raises(InvalidSpec, match=r"\$\.quote: .* does not occur in column 'body'"):
        place.run(typed_job(place, examples=((values, wrong),)))
    report = place.run(typed_job(place, examples=((values, answer | {"urgency": 5}),)))
    assert report.tally.ok == 3
