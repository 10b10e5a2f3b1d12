"""The search of an earlier run: what is found, in how many requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from errno import ENOSPC
from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest

from airflow_provider_aimlapi.core.reuse.part_order import file_of
from airflow_provider_aimlapi.engine.reuse import answer_search
from airflow_provider_aimlapi.engine.reuse.answer_search import AnswerSearch
from airflow_provider_aimlapi.errors import StoreUnavailable
from airflow_provider_aimlapi.storage.runs.answer_table import AnswerTable
from tests.fakes.memory_store import MemoryStore
from tests.fakes.paid_run import answer_to, hash_of, paid_outcome, paid_run, shards_of

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.engine.reuse.earlier_runs import EarlierRun

PART_ROWS = 20
BATCH_ROWS = 10
Files = Mapping[str, Sequence[object]]
EARLIER: Files = {"a": list(range(100)), "b": list(range(100, 160)), "c": list(range(160, 165))}


class CountingStore(MemoryStore):
    """Counts reads by name."""

    reads: dict[str, int]

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        self.reads[name] = self.reads.get(name, 0) + 1
        return super().read(name, bytes_max=bytes_max)


def earlier_run(files: Files = EARLIER, **options: object) -> EarlierRun:
    store = CountingStore()
    store.reads = {}
    return paid_run(store, files, part_rows=PART_ROWS, **options)  # type: ignore[arg-type]


def reads_of(run: EarlierRun) -> dict[str, int]:
    store = run.store
    assert isinstance(store, CountingStore)
    return store.reads


def search_all(run: EarlierRun, files: Files) -> dict[object, str | None]:
    """Search an earlier run for all rows of some files; return the answers by request."""
    shards = shards_of({name: len(requests) for name, requests in files.items()}, PART_ROWS)
    search = AnswerSearch(run, {file_of(shard) for shard in shards})
    found: dict[object, str | None] = {}
    rows_before = 0
    for shard in shards:
        requests = list(files.values())[shard.file][shard.first_row :][: shard.rows]
        for first in range(0, len(requests), BATCH_ROWS):
            batch = requests[first : first + BATCH_ROWS]
            answers = search.find_answers(
                shard, rows_before, [hash_of(one) for one in batch], len(batch)
            )
            for one in batch:
                if hash_of(one) in answers:
                    found[one] = answers[hash_of(one)].text
        rows_before += shard.rows
    search.close_table()
    return found


def shuffled(requests: Sequence[object]) -> list[object]:
    return Random(1).sample(list(requests), len(requests))  # noqa: S311  # the same each time


ALL = list(range(165))
CASES: dict[str, Files] = {
    "the same files": EARLIER,
    "a row inserted first": {**EARLIER, "a": ["new", *EARLIER["a"]]},
    "many rows removed": {**EARLIER, "a": EARLIER["a"][70:]},
    "rows of a file in another order": {**EARLIER, "a": shuffled(EARLIER["a"])},
    "rows moved between files": {"a": shuffled(ALL)[:80], "b": shuffled(ALL)[80:]},
    "files with other names": {f"x{name}": rows for name, rows in EARLIER.items()},
    "one file of all": {"whole": ALL},
    "files in another order": {"c": EARLIER["a"], "a": EARLIER["b"], "b": EARLIER["c"]},
    "every third row changed": {"a": [n if n % 3 else f"new {n}" for n in ALL]},
    "a request twice": {"a": [1, 1, 2, 1, 150, 150]},
}


@pytest.mark.parametrize("case", CASES)
def test_each_known_request_gets_its_own_answer(case: str) -> None:
    run = earlier_run()
    known = {one for rows in CASES[case].values() for one in rows} & set(ALL)
    assert search_all(run, CASES[case]) == {one: answer_to(one) for one in known}
    assert max(reads_of(run).values()) <= 3


def test_unchanged_run_is_read_once() -> None:
    run = earlier_run()
    search_all(run, EARLIER)
    assert reads_of(run) == {entry.staged_name: 1 for entry in run.entries}


def test_only_ok_answers_are_taken() -> None:
    def outcome(row: int, request: object) -> Outcome:
        changes: list[dict[str, object]] = [
            {},
            {"status": "truncated"},
            {"status": "refused"},
            {"status": "rejected", "text": None},
            {"status": "skipped", "request_hash": None, "text": None},
        ]
        return msgspec.structs.replace(paid_outcome(row, request), **changes[row % 5])

    run = earlier_run({"a": ALL}, outcome=outcome)
    assert set(search_all(run, {"a": ALL})) == set(range(0, 165, 5))


def test_other_template_is_given_up() -> None:
    run = earlier_run(has_same_template=False)
    search = AnswerSearch(run, set())
    search.missing = 8192
    assert not search.is_useful
    search.found = 1
    assert search.is_useful


@pytest.mark.parametrize("damage", ["gone", "cut", "another part", "other bytes"])
def test_part_that_does_not_read_is_not_used(damage: str, caplog: pytest.LogCaptureFixture) -> None:
    run = earlier_run()
    objects = run.store.objects  # type: ignore[attr-defined]
    name, other = run.entries[1].staged_name, run.entries[2].staged_name
    data = objects[name]
    damaged = {
        "cut": data[:-9],
        "another part": objects[other],
        "other bytes": data[:200] + bytes([data[200] ^ 1]) + data[201:],
    }
    objects.pop(name)
    if damage != "gone":
        objects[name] = damaged[damage]
    found = search_all(run, EARLIER)
    assert found == {one: answer_to(one) for one in ALL if one not in range(20, 40)}
    assert run.unreadable
    assert "was removed or damaged" in caplog.text


def test_store_that_fails_ends_the_search() -> None:
    class Failing(MemoryStore):
        def read(self, name: str, *, bytes_max: int) -> bytes | None:  # noqa: ARG002
            raise StoreUnavailable("no answer")

    run = earlier_run()
    run.store = Failing()
    with pytest.raises(StoreUnavailable):
        search_all(run, EARLIER)


def test_wide_rows_keep_one_part_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_search, "KEPT_BYTES_MAX", 1)
    run = earlier_run()
    assert search_all(run, EARLIER) == {one: answer_to(one) for one in ALL}


@pytest.mark.parametrize(("rows_max", "found"), [(40, 140), (100, 165)])
def test_table_has_a_limit_of_rows(
    monkeypatch: pytest.MonkeyPatch, rows_max: int, found: int
) -> None:
    monkeypatch.setattr(answer_search, "TABLE_ROWS_MAX", rows_max)
    assert len(search_all(earlier_run(), CASES["rows moved between files"])) >= min(found, rows_max)


def test_full_disk_leaves_moved_rows_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(ENOSPC, "no space left on device")

    monkeypatch.setattr(AnswerTable, "add_answers", refuse)
    found = search_all(earlier_run(), CASES["rows moved between files"])
    assert found == {one: answer_to(one) for one in found}
    assert 0 < len(found) < len(ALL)
