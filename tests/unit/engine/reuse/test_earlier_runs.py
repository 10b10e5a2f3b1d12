"""The choice of the runs whose answers may be taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.engine.reuse.earlier_runs import FoundRuns, find_earlier_runs
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import JournalUnreadable
from tests.fakes.prepared_run import PreparedRun, ScriptedApi
from tests.fakes.virtual_loop import run_virtual

if TYPE_CHECKING:
    from tests.fakes.memory_store import MemoryStore


def published(
    texts: list[str | None], store: MemoryStore | None = None, **changes: Any
) -> PreparedRun:
    """Run a job to its end."""
    more = {} if store is None else {"store": store}
    one = PreparedRun(texts, changes=changes, **more)  # type: ignore[arg-type]
    run_virtual(run(one.job, Settings(), one.world(ScriptedApi())))
    return one


def later(store: MemoryStore, **changes: Any) -> PreparedRun:
    """Prepare a run over other rows at the same output."""
    return PreparedRun(["a", "b", "c"], store=store, changes={"reuse_from": ()} | changes)


def found_by(one: PreparedRun, **options: bool) -> FoundRuns:
    return find_earlier_runs(one.prepared, lambda _: one.store, one.clock, lambda: None, **options)


def keys_of(found: FoundRuns) -> list[str]:
    return [one.run_key for one in found.usable]


def test_run_that_is_shown_is_chosen() -> None:
    first = published(["a", "b"])
    found = found_by(later(first.store))
    assert keys_of(found) == [first.prepared.names.run_key]
    answers = found.usable[0].read_answers(0)
    assert [(one.row, one.text) for one in answers] == [(0, "hi"), (1, "hi")]


def test_choice_stays_when_another_run_is_shown() -> None:
    first = published(["a", "b"])
    one = later(first.store)
    found_by(one)
    published(["x"], first.store)
    assert keys_of(found_by(one)) == [first.prepared.names.run_key]


def test_estimate_stores_no_choice() -> None:
    first = published(["a", "b"])
    one = later(first.store)
    before = set(one.store.objects)
    assert keys_of(found_by(one, is_read_only=True)) == [first.prepared.names.run_key]
    assert set(one.store.objects) == before


def test_replaced_run_is_searched_after_its_successor() -> None:
    first = published(["a", "b"])
    second = published(["x"], first.store)
    keys = [one.prepared.names.run_key for one in (second, first)]
    assert keys_of(found_by(later(first.store))) == keys


def test_nothing_is_chosen_where_no_run_is() -> None:
    assert found_by(PreparedRun(["a"], changes={"reuse_from": ()})) == FoundRuns()


def test_nothing_is_read_without_reuse_from() -> None:
    first = published(["a", "b"])
    assert found_by(later(first.store, reuse_from=None)) == FoundRuns()


def test_run_of_another_model_is_named_but_not_used() -> None:
    first = published(
        ["a", "b"], completion=CompletionSpec(model="anthropic/claude-opus-4-6", max_tokens=64)
    )
    found = found_by(later(first.store))
    assert found.usable == ()
    assert found.first == (first.prepared.names.run_key, "model")


def test_run_with_another_output_column_is_used() -> None:
    first = published(["a", "b"], output_column="summary")
    found = found_by(later(first.store))
    assert [one.text for one in found.usable[0].read_answers(0)] == ["hi", "hi"]


DAMAGES = {
    "no plan": ("plan_name", None),
    "no manifest": ("manifest_name", None),
    "another plan": ("plan_name", b"{}"),
    "another manifest": ("manifest_name", b"{}"),
    "a note of dropped instructions": ("instructions_dropped", b"{}"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_run_that_cannot_be_read_is_logged(damage: str, caplog: pytest.LogCaptureFixture) -> None:
    first = published(["a", "b"])
    one = later(first.store)
    found_by(one)
    name, data = DAMAGES[damage]
    object_name = getattr(RunNames(run_key=first.prepared.names.run_key), name)
    one.store.objects.pop(object_name, None)
    if data is not None:
        one.store.objects[object_name] = data
    assert found_by(one) == FoundRuns()
    assert f"No answers are taken from run {first.prepared.names.run_key}" in caplog.text


def test_damaged_choice_is_an_error() -> None:
    first = published(["a", "b"])
    one = later(first.store)
    one.store.objects[one.prepared.names.reuse_pin(one.store.uri(""))] = b"{}"
    with pytest.raises(JournalUnreadable, match="chooses the runs again"):
        found_by(one)
