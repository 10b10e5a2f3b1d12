"""Runs with few-shot examples: what is sent, and which runs are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from tests.runs.conftest import texts_table

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
