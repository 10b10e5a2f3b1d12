"""A published run with an answer to each of its rows, made without a call, and rows to search it for."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
from pyarrow import parquet as pq

from airflow_provider_aimlapi.core.calls.completion import Outcome
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.manifest import PartEntry, tally_of
from airflow_provider_aimlapi.core.durable.plan import Shard
from airflow_provider_aimlapi.engine.reuse.earlier_runs import Difference, EarlierRun
from airflow_provider_aimlapi.engine.row import Row
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_footer import (
    PartFooter,
    footer_bytes,
    footer_metadata,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

EARLIER = "ea" * 16
"""The key of the earlier run."""
ANSWER_CHARACTERS = 300


class Requests(Protocol):
    """The requests of a file, in order."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> Sequence[object]: ...


def hash_of(request: object) -> str:
    """Return the hash of a request, which stands for its bytes here."""
    return sha256(str(request).encode()).hexdigest()


def answer_to(request: object) -> str:
    """Return the answer of a model that always answers the same."""
    return f"answer to {request}".ljust(ANSWER_CHARACTERS, ".")


def paid_outcome(row: int, request: object) -> Outcome:
    """Return the outcome of a row that this run has paid for."""
    return Outcome(
        row=row,
        status="ok",
        text=answer_to(request),
        finish_reason="stop",
        model="claude-sonnet-4-6",
        prompt_tokens=100,
        completion_tokens=60,
        cached_tokens=0,
        cost_nano_usd=1_200_000,
        attempts=1,
        inference_id=f"inference-{request}",
        request_hash=hash_of(request),
        completed_at_us=1_767_225_600_000_000,
    )


def shards_of(files: Mapping[str, int], part_rows: int) -> tuple[Shard, ...]:
    """Split files with these numbers of rows into shards."""
    shards: list[Shard] = []
    for file, (name, rows) in enumerate(files.items()):
        for number, first_row in enumerate(range(0, max(rows, 1), part_rows)):
            shards.append(
                Shard(
                    part=len(shards),
                    file=file,
                    first_row=first_row,
                    rows=min(part_rows, rows - first_row),
                    visible_name=f"{name}-{number:05d}.parquet",
                )
            )
    return tuple(shards)


def paid_run(
    store: ObjectStore,
    files: Mapping[str, Requests],
    *,
    part_rows: int = 8192,
    outcome: Callable[[int, object], Outcome] = paid_outcome,
    has_same_template: bool = True,
    run_key: str = EARLIER,
) -> EarlierRun:
    """Store the parts of a run over files with these requests, and describe it."""
    names, entries = RunNames(run_key=run_key), []
    columns = OutcomeColumns("summary")
    shards = shards_of({name: len(requests) for name, requests in files.items()}, part_rows)
    requests = list(files.values())
    for shard in shards:
        rows = requests[shard.file][shard.first_row : shard.first_row + shard.rows]
        outcomes = [outcome(row, request) for row, request in enumerate(rows)]
        data = _part(shard, outcomes, columns, run_key)
        store.create(names.part_name(shard.part), data)
        entries.append(
            PartEntry(
                part=shard.part,
                staged_name=names.part_name(shard.part),
                visible_name=shard.visible_name,
                sha256=sha256(data[: -footer_bytes(data)]).hexdigest(),
                size_bytes=len(data),
                tally=tally_of(outcomes),
            )
        )
    return EarlierRun(
        store=store,
        run_key=run_key,
        shards=shards,
        entries=tuple(entries),
        outcome_columns=columns,
        has_same_template=has_same_template,
        difference=Difference(run_key, "prompt"),
    )


def rows_of(shard: Shard, requests: Iterable[object], first: int = 0) -> list[Row]:
    """Return rows of a shard that are ready to be sent."""
    return [
        Row(part=shard.part, row=row, body=b"", request_hash=hash_of(request))
        for row, request in enumerate(requests, start=first)
    ]


def _part(shard: Shard, outcomes: list[Outcome], columns: OutcomeColumns, run_key: str) -> bytes:
    schema, sink = pa.schema(columns.arrow_fields()), io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd", compression_level=1) as writer:
        writer.write_table(
            pa.Table.from_arrays(columns.arrays_of_outcomes(outcomes), schema=schema)
        )
        footer = PartFooter(
            run_key=run_key,
            part=shard.part,
            epoch=1,
            rows=shard.rows,
            tally=tally_of(outcomes),
            sha256=sha256(sink.getbuffer()).hexdigest(),
            body_bytes=sink.tell(),
        )
        writer.add_key_value_metadata(footer_metadata(footer))
    return sink.getvalue()
