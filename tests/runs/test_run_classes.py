"""Runs whose answers are checked by a Pydantic class: its validators are the user's own code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, field_validator

from airflow_provider_aimlapi.hooks.answer_classes import typed_answers
from tests.runs.conftest import texts_table

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace


class OwnSignal(BaseException):
    """Derived as Airflow's time-outs are, which `except Exception` does not catch."""


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no message")


def refusing(error: BaseException) -> type[BaseModel]:
    """Return a class whose validator raises an error for one row of `texts_table`."""

    class Note(BaseModel):
        text: str

        @field_validator("text")
        @classmethod
        def check(cls, text: str) -> str:
            if "Ticket 3." in text:
                raise error
            return text

    return Note


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("broken"),
        SystemExit(3),
        OwnSignal("stop"),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        GeneratorExit(),
        Unprintable(),
        RuntimeError("half \ud800 a pair"),
    ],
    ids=lambda error: f"{type(error).__name__}-{len(error.args)}",
)
def test_any_exception_of_a_class_rejects_its_answer(
    place: Workplace, error: BaseException
) -> None:
    schema, check_class = typed_answers(refusing(error))
    place.write(texts_table(8))
    job = place.job(schema=schema, check_class=check_class, repairs=1)
    report = place.run(job, max_rejected_rows=1)
    assert (report.tally.ok, report.tally.invalid) == (7, 1)
    assert len(place.sim.ledger.billed) == 8 + 1
    info = place.result().to_pylist()[3]["completion_info"]
    assert info["error"].startswith(f"$ is refused by Note ({type(error).__name__})")
    assert info["raw"]
