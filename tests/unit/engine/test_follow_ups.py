"""Which answers are followed by one more call, and by which request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.completion import Completion
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import AimlapiError, BudgetExhausted
from tests.fakes.prepared_run import COMPLETION, PreparedRun, ScriptedApi, interim_of
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary

CUT = Completion(text="h", status="truncated")
CUT_ANSWER = msgspec.structs.replace(
    COMPLETION, body=b'{"choices":[{"message":{"content":"h"},"finish_reason":"length"}]}'
)
REFUSED = Answer(status=422, content_type="application/json", body=b'{"message":"no"}')


def raising(texts: list[str | None], max_tokens: int = 64) -> PreparedRun:
    return PreparedRun(texts, on_truncated="raise", max_tokens=max_tokens)


def tokens(api: ScriptedApi) -> list[int]:
    return [json.loads(body)["max_tokens"] for body in api.bodies]


def attempt(a_run: PreparedRun, api: ScriptedApi, **settings: Any) -> RunSummary | AimlapiError:
    try:
        return run_virtual(run(a_run.job, Settings(**settings), a_run.world(api)))
    except AimlapiError as error:
        return error


@pytest.mark.parametrize(("max_tokens", "raised"), [(64, 128), (40_000, 64_000)])
def test_request_is_raised_up_to_the_model_s_maximum(max_tokens: int, raised: int) -> None:
    a_run = raising(["a"], max_tokens)
    row, rules = a_run.row(0), a_run.prepared.follow_ups
    first = json.loads(row.body)
    first_hash = row.request_hash
    assert rules.is_due(row, CUT)
    rules.give_next_request(row, CUT)
    assert json.loads(row.body) == first | {"max_tokens": raised}
    assert row.request_hash == first_hash
    assert not rules.is_due(row, CUT)


@pytest.mark.parametrize("max_tokens", [64_000, None])
def test_a_request_with_the_maximum_is_not_raised(max_tokens: int | None) -> None:
    a_run = PreparedRun(["a"], on_truncated="raise", max_tokens=max_tokens)
    assert not a_run.prepared.follow_ups.is_due(a_run.row(0), CUT)


def test_cut_answers_are_kept_unless_they_are_raised() -> None:
    a_run = PreparedRun(["a"])
    assert not a_run.prepared.follow_ups.is_due(a_run.row(0), CUT)


def test_other_answers_are_final() -> None:
    a_run = raising(["a"])
    for status in ("ok", "refused"):
        completion = Completion(text="h", status=status)
        assert not a_run.prepared.follow_ups.is_due(a_run.row(0), completion)


def test_cut_answer_is_requested_once_more() -> None:
    a_run, api = raising(["a"]), ScriptedApi(CUT_ANSWER)
    report = attempt(a_run, api)
    assert not isinstance(report, AimlapiError)
    assert tokens(api) == [64, 128]
    assert (report.tally.ok, report.tally.cost_nano_usd, report.requests) == (1, 200, 2)


def test_second_cut_answer_is_kept() -> None:
    a_run, api = raising(["a"]), ScriptedApi(CUT_ANSWER, CUT_ANSWER)
    report = attempt(a_run, api)
    assert not isinstance(report, AimlapiError)
    assert (report.tally.truncated, report.tally.cost_nano_usd, len(api.bodies)) == (1, 200, 2)


def test_cut_answer_is_kept_if_the_next_call_fails() -> None:
    """A row that has an answer is not rejected, however many rows may be."""
    a_run, api = raising(["a"]), ScriptedApi(CUT_ANSWER, REFUSED)
    report = attempt(a_run, api, max_rejected_rows=0)
    assert not isinstance(report, AimlapiError)
    assert (report.tally.truncated, report.tally.cost_nano_usd) == (1, 100)


def test_journaled_cut_answer_is_not_paid_again() -> None:
    a_run = raising(["a", "b"])
    first = ScriptedApi(CUT_ANSWER, TypeError("a bug during the raised call"))
    assert isinstance(attempt(a_run, first, max_concurrency=1), AimlapiError)
    again = ScriptedApi()
    report = attempt(a_run, again)
    assert not isinstance(report, AimlapiError)
    assert (tokens(first), sorted(tokens(again))) == ([64, 128], [64, 128])
    assert (report.tally.ok, report.tally.cost_nano_usd) == (2, 300)


def test_an_attempt_after_the_second_answer_pays_neither_again() -> None:
    """Its journal has both answers, but no part: a kill came between them."""
    a_run = raising(["a", "b", "c"])
    first = ScriptedApi(CUT_ANSWER, COMPLETION, REFUSED)
    ended = attempt(a_run, first, max_concurrency=1, max_rejected_rows=0)
    assert isinstance(ended, AimlapiError)
    earlier = a_run.earlier()
    assert earlier.spent_nano_usd() == 200
    assert (earlier.journaled[0].ok, earlier.journaled[0].cost_nano_usd) == (1, 200)
    again = ScriptedApi()
    report = attempt(a_run, again, max_rejected_rows=1)
    assert not isinstance(report, AimlapiError)
    assert (len(again.bodies), report.tally.cost_nano_usd) == (1, 300)


def test_settled_answer_is_replayed_as_it_was() -> None:
    a_run = raising(["a", "b", "c"])
    first = ScriptedApi(CUT_ANSWER, REFUSED, REFUSED)
    ended = attempt(a_run, first, max_concurrency=1, max_rejected_rows=0)
    assert isinstance(ended, AimlapiError)
    journaled = a_run.earlier().journaled[0]
    assert (journaled.truncated, journaled.rejected, journaled.cost_nano_usd) == (1, 1, 100)


def test_earlier_cut_answers_are_charged_to_the_budget() -> None:
    a_run = raising(["a"])
    a_run.journal(interim_of(a_run.row(0), CUT_ANSWER))
    earlier = a_run.earlier()
    assert (earlier.spent_nano_usd(), earlier.has_answers) == (100, True)
    assert earlier.rows_decided() == (0, 0)


@pytest.mark.parametrize(("budget_nano_usd", "status"), [(299, "truncated"), (300, "ok")])
def test_raised_call_needs_twice_the_budget(budget_nano_usd: int, status: str) -> None:
    """Without a price list, a call may cost what the first one did, and a raised one twice as much."""
    a_run, api = raising(["a"]), ScriptedApi(CUT_ANSWER)
    report = attempt(a_run, api, max_cost_usd=budget_nano_usd / 1e9)
    assert not isinstance(report, (BudgetExhausted, AimlapiError))
    assert report.tally.by_status()[status] == 1
