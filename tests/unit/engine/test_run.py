"""A whole run in virtual time: what it publishes, what it pays for, and how it ends."""

from __future__ import annotations

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import AimlapiError, RunInterrupted, TooManyRejections
from tests.fakes.prepared_run import COMPLETION, PreparedRun, ScriptedApi
from tests.fakes.virtual_loop import run_virtual

BAD_REQUEST = Answer(status=422, content_type="application/json", body=b'{"message":"no"}')


def attempt(
    a_run: PreparedRun, api: ScriptedApi, *, stop: StopSignal | None = None, **settings: float
) -> AimlapiError | None:
    """Run once; return the error that ended it."""
    try:
        run_virtual(run(a_run.job, Settings(**settings), a_run.world(api, stop)))  # type: ignore[arg-type]
    except AimlapiError as error:
        return error
    return None


def test_run_calls_once_per_row_and_publishes() -> None:
    a_run, api = PreparedRun(["a", "b", None]), ScriptedApi()
    report = run_virtual(run(a_run.job, Settings(), a_run.world(api)))
    assert len(api.bodies) == report.requests == 2
    assert (report.tally.ok, report.tally.skipped, report.tally.cost_nano_usd) == (2, 1, 200)
    assert a_run.prepared.names.manifest_name in a_run.store.objects
    assert [name for name in a_run.store.objects if not name.startswith("_")] == ["a-00000.parquet"]


def test_published_run_makes_no_call() -> None:
    a_run = PreparedRun(["a", "b"])
    run_virtual(run(a_run.job, Settings(), a_run.world(ScriptedApi())))
    again = ScriptedApi()
    report = run_virtual(run(a_run.job, Settings(), a_run.world(again)))
    assert again.bodies == []
    assert (report.reused, report.requests) == (2, 0)


def test_second_attempt_sends_the_undecided_rows_only() -> None:
    a_run = PreparedRun(["a", "b", "c"])
    first = ScriptedApi(COMPLETION, BAD_REQUEST)
    ended = attempt(a_run, first, max_concurrency=1, max_rejected_rows=0)
    assert isinstance(ended, TooManyRejections)
    again = ScriptedApi()
    assert attempt(a_run, again, max_rejected_rows=1) is None
    assert (len(first.bodies), len(again.bodies)) == (2, 1)


def test_stop_before_the_lease_leaves_no_lease() -> None:
    a_run, api, stop = PreparedRun(["a"]), ScriptedApi(), StopSignal()
    stop.request_stop()
    assert isinstance(attempt(a_run, api, stop=stop), RunInterrupted)
    assert api.bodies == []
    assert not [name for name in a_run.store.objects if "/lease/" in name]


def test_bug_in_a_call_keeps_other_answers() -> None:
    a_run, api = PreparedRun(["a", "b"]), ScriptedApi(TypeError("a library's own"))
    assert attempt(a_run, api) is not None
    again = ScriptedApi()
    assert attempt(a_run, again) is None
    assert len(again.bodies) == 1
