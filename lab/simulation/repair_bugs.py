"""Seeded bugs of repairs and raised calls: each takes one promise-keeping line out of the real code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.answers import typed_completions
from airflow_provider_aimlapi.core.calls.completion import Reason
from airflow_provider_aimlapi.core.calls.several_answers import Answers
from airflow_provider_aimlapi.engine.calls import judge
from airflow_provider_aimlapi.engine.calls.judge import Judge
from airflow_provider_aimlapi.engine.calls.typed import answer_check
from airflow_provider_aimlapi.engine.durable import earlier_answers
from airflow_provider_aimlapi.engine.follow_ups import FollowUps
from lab.simulation.swapping import swapped
from lab.simulation.typed_answers import simulate_typed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from airflow_provider_aimlapi.core.answers.faults import Invalid, Valid
    from airflow_provider_aimlapi.core.calls.completion import Completion
    from airflow_provider_aimlapi.core.durable.journal import Record
    from airflow_provider_aimlapi.engine.row import FollowUp, Row

SEEDS_MAX = 40
_typed = typed_completions.as_typed_answer
_is_due = FollowUps.is_due
_then = Answers.with_later


def _invalid_is_ok(completion: Completion, result: Valid | Invalid) -> Completion:
    found = _typed(completion, result)
    if found.status != "invalid":
        return found
    return msgspec.structs.replace(found, status="ok", error=None, raw=None, reason="")


def _last_cost(self: Answers, later: Completion) -> Answers:
    found = _then(self, later)
    last = msgspec.structs.replace(found.last, cost_nano_usd=later.cost_nano_usd)
    return msgspec.structs.replace(found, last=last)


def _first_answer(self: Answers, _later: Completion) -> Answers:
    return self


def _is_due_again(self: FollowUps, row: Row, completion: Completion) -> bool:
    """Allow one repair too many."""
    self._repairs += 1
    try:
        return _is_due(self, row, completion)
    finally:
        self._repairs -= 1


def _final(record: Record) -> Record:
    return record


def _reject_answered(self: Judge, row: Row, _follow_up: FollowUp) -> None:
    row.follow_up = None
    self._reject_row(row, row.reason or Reason("No.", "No."), is_final=True)


REPAIR_BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "a repair is paid twice": lambda: swapped(earlier_answers, "continue_row", lambda *_: None),
    "an interim answer is journaled as the final one": lambda: swapped(
        judge, "interim_record", _final
    ),
    "a row is stored with its first answer": lambda: swapped(Answers, "with_later", _first_answer),
    "an invalid answer counts as ok": lambda: swapped(
        answer_check, "as_typed_answer", _invalid_is_ok
    ),
    "the cost of the first answer is forgotten": lambda: swapped(Answers, "with_later", _last_cost),
    "an invalid answer is repaired too often": lambda: swapped(FollowUps, "is_due", _is_due_again),
    "a row whose repair fails is rejected": lambda: swapped(
        Judge, "settle_with_last", _reject_answered
    ),
}


def caught_with_repairs(name: str) -> str | None:
    """Return the violation that shows a bug, with its seed; None if there is none."""
    with REPAIR_BUGS[name]():
        for seed in range(SEEDS_MAX):
            violations = simulate_typed(seed).violations
            if violations:
                return f"seed {seed}: {violations[0]}"
    return None
