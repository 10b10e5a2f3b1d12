"""Reads parts back: what a part holds, and its outcomes. The inverse of `outcome_columns`.

A part lies where others can write. So rows, types, pages and texts are checked against what a run
writes, each before what depends on it takes memory: a few bytes of Parquet can stand for gigabytes.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pyarrow as pa

from airflow_provider_aimlapi.core.calls.completion import Outcome, Status
from airflow_provider_aimlapi.core.durable.bounds import (
    TOTAL_NANO_USD_MAX,
    Attempts,
    Count,
    MomentUs,
)
from airflow_provider_aimlapi.core.durable.manifest import PartEntry, Tally, tally_of
from airflow_provider_aimlapi.core.money.pricing import NANO_USD_PER_USD
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.parts.outcome_columns import added_fields
from airflow_provider_aimlapi.storage.parts.part_footer import (
    READING_ERRORS,
    footer_bytes,
    open_part,
    read_footer,
)
from airflow_provider_aimlapi.storage.parts.part_pages import check_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyarrow import parquet as pq

    from airflow_provider_aimlapi.core.durable.plan import Shard

TEXT_CHARACTERS_MAX = 512 * 1024 * 1024
"""Of all texts of a part: 64,000 for each of its rows. A text that repeats is counted each time, for it
is written each time when rows of the part are asked again."""

CostUsd = Annotated[float, msgspec.Meta(ge=0, le=TOTAL_NANO_USD_MAX / NANO_USD_PER_USD)]


class _Info(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the struct column, with an instant as the integer that it was made from."""

    status: Status
    error: str | None
    finish_reason: str | None
    model: str | None
    prompt_tokens: Count | None
    completion_tokens: Count | None
    cached_tokens: Count | None
    cost_usd: CostUsd | None
    attempts: Attempts
    inference_id: str | None
    request_hash: str | None
    completed_at: MomentUs | None
    reasoning_tokens: Count | None
    cache_write_tokens: Count | None


class _RejectedInfo(msgspec.Struct, frozen=True, kw_only=True):
    """As much of it as says what a rejected row has cost."""

    status: Status
    cost_usd: CostUsd | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedPart:
    """A durable part, as its footer describes it.

    Attributes:
        epoch: of the attempt that wrote it. Journal segments of this epoch and of older ones say
            nothing of its rows that it does not say itself.
    """

    entry: PartEntry
    epoch: int


def read_staged_part(
    end: bytes, *, run_key: str, shard: Shard, staged_name: str, output_column: str
) -> StagedPart:
    """Describe a staged part by its last bytes, its footer among them.

    Args:
        shard: whose part it should be.

    Raises:
        JournalUnreadable: when it is not what its name says, or not what a run writes.
    """
    with _reading(staged_name), open_part(end) as file:
        footer = read_footer(file)
        if (footer.run_key, footer.part) != (run_key, shard.part):
            raise _unreadable(staged_name, "is another part by its footer")
        if not footer.rows == shard.rows == _rows(file) or not footer.tally.is_of(shard.rows):
            raise _unreadable(
                staged_name,
                f"holds {file.metadata.num_rows:,} rows, its footer says {footer.rows:,}, and the "
                f"plan {shard.rows:,}",
            )
        if not _has_columns(file, output_column):
            raise _unreadable(staged_name, "has other outcome columns than a run writes")
    entry = PartEntry(
        part=shard.part,
        staged_name=staged_name,
        visible_name=shard.visible_name,
        sha256=footer.sha256,
        size_bytes=footer.body_bytes + footer_bytes(end),
        tally=footer.tally,
    )
    return StagedPart(entry=entry, epoch=footer.epoch)


def part_outcomes(data: bytes, entry: PartEntry, *, output_column: str) -> list[Outcome]:
    """The outcomes of a part, in row order.

    Args:
        entry: of the part, whose bytes these should be.

    Raises:
        JournalUnreadable: they are not, or are not what a run writes.
    """
    name = entry.staged_name
    _check_bytes(data, entry)
    with _reading(name):
        table = _read(data, output_column, _Info.__struct_fields__, has_text=True)
        texts = list(chain.from_iterable(map(_values, table.column(output_column).chunks)))
        rows = msgspec.convert(_infos(table, output_column), list[_Info])
    outcomes = [_outcome(row, *pair) for row, pair in enumerate(zip(texts, rows, strict=True))]
    if sum(len(one.text or "") + len(one.error or "") for one in outcomes) > TEXT_CHARACTERS_MAX:
        raise _unreadable(name, f"holds more than {TEXT_CHARACTERS_MAX:,} characters")
    outcomes = _with_partial_cost(outcomes, entry.tally)
    if tally_of(outcomes) != entry.tally:
        raise _unreadable(name, "holds other rows than its footer says")
    return outcomes


def _with_partial_cost(outcomes: list[Outcome], tally: Tally) -> list[Outcome]:
    """Give what only the sum holds to a row whose cost is unknown: no column has a part of a cost."""
    partial_cost = tally.cost_nano_usd - tally_of(outcomes).cost_nano_usd
    for row, outcome in enumerate(outcomes):
        if partial_cost > 0 and outcome.is_without_cost:
            kept = msgspec.structs.replace(outcome, partial_cost_nano_usd=partial_cost)
            return [*outcomes[:row], kept, *outcomes[row + 1 :]]
    return outcomes


def _check_bytes(data: bytes, entry: PartEntry) -> None:
    body = memoryview(data)[: -footer_bytes(data)]
    if len(data) != entry.size_bytes or sha256(body).hexdigest() != entry.sha256:
        raise _unreadable(entry.staged_name, "holds other bytes than its footer says")


def rejected_rows(data: bytes, entry: PartEntry, *, output_column: str) -> dict[int, int]:
    """The rejected rows of a part, and what their answers cost all the same, in nano-dollars.

    Raises:
        JournalUnreadable: they are not those that the footer counts.
    """
    _check_bytes(data, entry)
    with _reading(entry.staged_name):
        table = _read(data, output_column, _RejectedInfo.__struct_fields__, has_text=False)
        rows = msgspec.convert(_infos(table, output_column), list[_RejectedInfo])
    rejected = {
        row: _nano_usd(found.cost_usd) or 0
        for row, found in enumerate(rows)
        if found.status == "rejected"
    }
    if len(rejected) != entry.tally.rejected or sum(rejected.values()) > entry.tally.cost_nano_usd:
        raise _unreadable(entry.staged_name, "holds other rejected rows than its footer says")
    return rejected


def _rows(file: pq.ParquetFile) -> int:
    """The rows of a part; -1 where its row groups do not add up to them."""
    metadata = file.metadata
    groups = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    is_sum = min(groups, default=0) >= 0 and sum(groups) == metadata.num_rows
    return int(metadata.num_rows) if is_sum else -1


def _has_columns(file: pq.ParquetFile, output_column: str) -> bool:
    """Whether the outcome columns are there once each, and of the types that a run writes."""
    schema = file.schema_arrow
    places = [(schema.get_field_index(field.name), field) for field in added_fields(output_column)]
    return all(place >= 0 and schema.field(place).equals(field) for place, field in places)


def _read(data: bytes, output_column: str, fields: Sequence[str], *, has_text: bool) -> pa.Table:
    """Fields of the struct column, and the text column. A text that repeats takes memory once."""
    text, info = added_fields(output_column)
    texts = [text.name, *(f"{info.name}.{f.name}" for f in info.type if f.type == pa.string())]
    columns = [*([text.name] if has_text else []), *(f"{info.name}.{name}" for name in fields)]
    with open_part(data, as_dictionaries=texts) as file:
        check_pages(file.metadata, data, columns)
        groups = range(file.metadata.num_row_groups)  # of all at once, no nested dictionary is read
        tables = [file.read_row_group(group, columns, use_threads=False) for group in groups]
    table = pa.concat_tables(tables)
    table.validate(full=True)
    return table


def _infos(table: pa.Table, output_column: str) -> list[dict[str, Any]]:
    """The struct column's rows."""
    rows: list[dict[str, Any]] = []
    for chunk in table.column(f"{output_column}_info").chunks:
        names = [field.name for field in chunk.type]
        values = map(_values, chunk.flatten())
        rows += (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
    return rows


def _values(array: pa.Array) -> list[Any]:
    """An array's values; equal ones of a dictionary are one object."""
    if isinstance(array, pa.DictionaryArray):
        texts = array.dictionary.to_pylist()
        return [None if index is None else texts[index] for index in array.indices.to_pylist()]
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    values: list[Any] = array.to_pylist()
    return values


def _outcome(row: int, text: str | None, info: _Info) -> Outcome:
    return Outcome(
        row=row,
        status=info.status,
        text=text,
        error=info.error,
        finish_reason=info.finish_reason,
        model=info.model,
        prompt_tokens=info.prompt_tokens,
        completion_tokens=info.completion_tokens,
        cached_tokens=info.cached_tokens,
        cost_nano_usd=_nano_usd(info.cost_usd),
        attempts=info.attempts,
        inference_id=info.inference_id,
        request_hash=info.request_hash,
        completed_at_us=info.completed_at,
        reasoning_tokens=info.reasoning_tokens,
        cache_write_tokens=info.cache_write_tokens,
    )


def _nano_usd(cost_usd: float | None) -> int | None:
    """Exact: a double holds far more digits than a row's nano-dollars have."""
    return None if cost_usd is None else round(cost_usd * NANO_USD_PER_USD)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except READING_ERRORS as error:
        raise _unreadable(name, f"does not read back ({type(error).__name__})") from None


def _unreadable(name: str, reason: str) -> JournalUnreadable:
    return JournalUnreadable(
        f"The staged part {name} {reason}. Remove it while nothing is at work on the run. A retry "
        f"makes it anew, and pays for its rows again."
    )
