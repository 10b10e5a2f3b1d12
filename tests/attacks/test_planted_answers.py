"""Whatever stands at an output whose answers are reused, no row gets the answer to another request.

A person who can write there can plant an answer to a request whose hash they know. That is what
`reuse_from` trusts them with. Everything else that they plant is logged, and the rows are sent.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.manifest import (
    PartEntry,
    Tally,
    decode_manifest,
    encode_manifest,
)
from airflow_provider_aimlapi.core.durable.plan import Shard, decode_plan
from airflow_provider_aimlapi.engine.job import OpenLocation
from airflow_provider_aimlapi.engine.reuse.earlier_runs import Difference, EarlierRun
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_footer import footer_bytes
from tests.attacks.planted_parts import RUN_KEY, infos, outcomes_of, planted_part, texts
from tests.attacks.test_planted_parts import COLUMNS, FOOTERS, ROWS, TALLY
from tests.fakes.memory_store import MemoryStore
from tests.fakes.prepared_run import PreparedRun
from tests.fakes.virtual_loop import run_virtual
from tests.runs.test_run_reuses import Model

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS: list[str | None] = [f"text {number}" for number in range(30)]
NOW: list[str | None] = [*TEXTS[:25], "new", *TEXTS[25:]]


class Elsewhere(MemoryStore):
    """The output that a run takes answers from."""

    def uri(self, name: str) -> str:
        return super().uri(name).replace("memory-store", "elsewhere")


class Source:
    """A published run at another output, in which a test plants what it likes."""

    def __init__(self) -> None:
        self.store = Elsewhere()
        first = PreparedRun(TEXTS, store=self.store)
        run_virtual(run(first.job, Settings(), first.world(Model())))
        self.names: RunNames = first.prepared.names
        self.objects = self.store.objects

    def reused_by_next(self) -> int:
        """Run a job that takes answers from here; check its rows, and return how many it reused."""
        place = OpenLocation(fs=MemoryFileSystem(), path="/elsewhere")
        later = PreparedRun(NOW, changes={"reuse_from": (place,)})
        api = Model()
        stores = {later.job.output.path: later.store, place.path: self.store}
        world = replace(later.world(api), open_store=lambda location: stores[location.path])
        report = run_virtual(run(later.job, Settings(), world))
        table = pq.read_table(pa.BufferReader(later.store.objects["a-00000.parquet"]))
        expected = [f"Q: {text}"[::-1] for text in NOW]
        assert table.column("completion").to_pylist() == expected
        assert len(api.answered) == len(NOW) - report.tally.reused_answers
        return report.tally.reused_answers


def test_honest_run_is_reused() -> None:
    assert Source().reused_by_next() == len(TEXTS)


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "no JSON": lambda _: b"\x00\xff" * 50,
    "another type": lambda _: b"[]",
    "cut": lambda data: data[: len(data) // 2],
    "deep": lambda _: b"[" * 200_000,
    "a flipped byte": lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
    "too large": lambda data: data + b" " * 70_000,
}


@pytest.mark.parametrize("damage", GARBAGE)
@pytest.mark.parametrize(
    "kind", ["_SUCCESS", "/change/", "/plan.json", "/manifest.json", "/parts/"]
)
def test_damaged_object_never_gives_a_wrong_answer(kind: str, damage: str) -> None:
    source = Source()
    names = [name for name in source.objects if kind in name]
    assert names
    for name in names:
        source.objects[name] = GARBAGE[damage](source.objects[name])
    assert source.reused_by_next() in (0, len(TEXTS))


@pytest.mark.parametrize("kind", ["/plan.json", "/manifest.json", "/parts/", "_aimlapi/"])
def test_removed_object_has_its_rows_sent(kind: str) -> None:
    source = Source()
    for name in [name for name in source.objects if kind in name]:
        del source.objects[name]
    assert source.reused_by_next() == 0


def test_visible_file_is_not_read_instead_of_the_part() -> None:
    source = Source()
    source.objects["a-00000.parquet"] = b"planted"
    assert source.reused_by_next() == len(TEXTS)


@pytest.mark.parametrize(
    "changes",
    [
        {"size_bytes": 2**62},
        {"size_bytes": 5},
        {"sha256": "00" * 32},
        {"tally": Tally(ok=29, skipped=1)},
        {"tally": Tally(ok=30, reused_answers=30, saved_nano_usd=2**62)},
    ],
    ids=str,
)
def test_manifest_that_lies_has_its_rows_sent(changes: dict[str, Any]) -> None:
    source = Source()
    plan = decode_plan(source.objects[source.names.plan_name], run_key=source.names.run_key)
    manifest = decode_manifest(source.objects[source.names.manifest_name], plan)
    entry = msgspec.structs.replace(manifest.parts[0], **changes)
    lie = msgspec.structs.replace(manifest, parts=(entry,), tally=entry.tally)
    source.objects[source.names.manifest_name] = encode_manifest(lie)
    assert source.reused_by_next() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://proxy.example"},
        {"parameters": {"model": "anthropic/claude-opus-4-6"}},
        {"dialect": "another"},
        {"output_schema": "{}"},
        {"parameters": {"\x1b[2J": 1}},
        {"parameters": []},
    ],
    ids=str,
)
def test_answers_of_another_host_or_model_are_not_taken(
    changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    source = Source()
    plan = json.loads(source.objects[source.names.plan_name])
    plan["made_of"] |= changes
    source.objects[source.names.plan_name] = json.dumps(plan).encode()
    assert source.reused_by_next() == 0
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize(
    "changes", [*FOOTERS.values(), *COLUMNS.values()], ids=[*FOOTERS, *COLUMNS]
)
def test_part_that_no_run_writes_is_not_used(changes: dict[str, Any]) -> None:
    """The manifest agrees with the planted part, because the same person has written it."""
    assert _answers(planted_part(ROWS, **{"run_key": RUN_KEY, "part": 0, **changes})) == 0


def test_part_that_a_run_writes_is_used() -> None:
    ok = sum(one.status == "ok" for one in outcomes_of(ROWS))
    honest = planted_part(ROWS, run_key=RUN_KEY, part=0, text=texts(ROWS), info=infos(ROWS))
    assert _answers(honest) == ok


def _answers(data: bytes) -> int:
    """Return how many answers are read of a part that the manifest names."""
    shard = Shard(part=0, file=0, first_row=0, rows=ROWS, visible_name="a-00000.parquet")
    entry = PartEntry(
        part=0,
        staged_name=RunNames(run_key=RUN_KEY).part_name(0),
        visible_name="a-00000.parquet",
        sha256=sha256(data[: -footer_bytes(data) or len(data)]).hexdigest(),
        size_bytes=len(data),
        tally=TALLY,
    )
    store = MemoryStore()
    store.create(entry.staged_name, data)
    source = EarlierRun(
        store=store,
        run_key=RUN_KEY,
        shards=(shard,),
        entries=(entry,),
        outcome_columns=OutcomeColumns("completion"),
        has_same_template=True,
        difference=Difference(RUN_KEY, "prompt"),
    )
    return len(source.read_answers(0))
