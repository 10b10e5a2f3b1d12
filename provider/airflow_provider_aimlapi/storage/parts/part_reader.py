"""Reads the outcomes of a part. The inverse of `part_writer`.

Others may be able to write where a part lies. So rows, types, pages and texts are checked against what a
run writes, each before it takes memory, because a few bytes of Parquet can stand for gigabytes.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from airflow_provider_aimlapi.core.durable.manifest import PartEntry, Tally, tally_of
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.arrow.answer_values import TooManyCharacters
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

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.storage.arrow.answer_types import Leaf
    from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns

TEXT_CHARACTERS_MAX = 512 * 1024 * 1024
"""All texts of a part: 64,000 characters for each of its rows. A repeated text counts each time, because
it is written each time when rows of the part are sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedPart:
    """A durable part, by its footer.

    Attributes:
        epoch: of the attempt that wrote it. Journal segments of this epoch and of older ones add
            nothing about its rows.
    """

    entry: PartEntry
    epoch: int


def read_staged_part(
    end: bytes, *, run_key: str, shard: Shard, staged_name: str, outcome_columns: OutcomeColumns
) -> StagedPart:
    """Describe a staged part by its last bytes, its footer among them.

    Args:
        shard: the shard that it should be the part of.

    Raises:
        JournalUnreadable: the part does not match its name, or is not one that a run writes.
    """
    with _reading_part(staged_name), open_part(end) as file:
        footer = read_footer(file)
        # 1. The part is the one of this name. 2. Its footer, its pages and the plan agree on the
        # rows. 3. Its outcome columns are ours.
        if (footer.run_key, footer.part) != (run_key, shard.part):
            raise _unreadable_part(staged_name, "is another part by its footer")
        if not footer.rows == shard.rows == _rows_of_part(file) or not footer.tally.is_of(
            shard.rows
        ):
            raise _unreadable_part(
                staged_name,
                f"holds {file.metadata.num_rows:,} rows, its footer states {footer.rows:,}, and the "
                f"plan {shard.rows:,}",
            )
        if not _has_columns(file, outcome_columns):
            raise _unreadable_part(staged_name, "has other outcome columns than a run writes")
    entry = PartEntry(
        part=shard.part,
        staged_name=staged_name,
        visible_name=shard.visible_name,
        sha256=footer.sha256,
        size_bytes=footer.body_bytes + footer_bytes(end),
        tally=footer.tally,
    )
    return StagedPart(entry=entry, epoch=footer.epoch)


def part_outcomes(
    data: bytes, entry: PartEntry, *, outcome_columns: OutcomeColumns
) -> list[Outcome]:
    """Return the outcomes of a part, in row order.

    Args:
        entry: the part's entry, which the bytes must match.

    Raises:
        JournalUnreadable: they do not, or are not what a run writes.
    """
    name = entry.staged_name
    _check_bytes(data, entry)
    with _reading_part(name):
        table = _read_columns(data, outcome_columns.leaf_columns())
        outcomes = outcome_columns.read_outcomes(table, characters_max=TEXT_CHARACTERS_MAX)
    outcomes = _with_partial_cost(outcomes, entry.tally)
    if tally_of(outcomes) != entry.tally:
        raise _unreadable_part(name, "holds other rows than its footer states")
    return outcomes


def _with_partial_cost(outcomes: list[Outcome], tally: Tally) -> list[Outcome]:
    """Give the rest of the sum to a row without a cost, because no column holds a partial cost."""
    partial_cost = tally.cost_nano_usd - tally_of(outcomes).cost_nano_usd
    for row, outcome in enumerate(outcomes):
        if partial_cost > 0 and outcome.is_without_cost:
            kept = msgspec.structs.replace(outcome, partial_cost_nano_usd=partial_cost)
            return [*outcomes[:row], kept, *outcomes[row + 1 :]]
    return outcomes


def _check_bytes(data: bytes, entry: PartEntry) -> None:
    body = memoryview(data)[: -footer_bytes(data)]
    if len(data) != entry.size_bytes or sha256(body).hexdigest() != entry.sha256:
        raise _unreadable_part(entry.staged_name, "holds other bytes than its footer states")


def rejected_rows(
    data: bytes, entry: PartEntry, *, outcome_columns: OutcomeColumns
) -> dict[int, int]:
    """Return the rejected rows of a part, and the charges of their answers in nano-dollars.

    Raises:
        JournalUnreadable: they are not those that the footer counts.
    """
    _check_bytes(data, entry)
    with _reading_part(entry.staged_name):
        table = _read_columns(data, outcome_columns.cost_leaves())
        rejected = outcome_columns.read_rejected_costs(table)
    if (
        len(rejected) != entry.tally.resendable_rows
        or sum(rejected.values()) > entry.tally.cost_nano_usd
    ):
        raise _unreadable_part(
            entry.staged_name, "holds other rejected rows than its footer states"
        )
    return rejected


def _rows_of_part(file: pq.ParquetFile) -> int:
    """Return the rows of a part; -1 if its row groups do not add up to them."""
    metadata = file.metadata
    groups = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    is_sum = min(groups, default=0) >= 0 and sum(groups) == metadata.num_rows
    return int(metadata.num_rows) if is_sum else -1


def _has_columns(file: pq.ParquetFile, outcome_columns: OutcomeColumns) -> bool:
    """Return whether each outcome column exists once, with the type that a run writes."""
    schema = file.schema_arrow
    indices = [
        (schema.get_field_index(field.name), field) for field in outcome_columns.arrow_fields()
    ]
    return all(index >= 0 and schema.field(index).equals(field) for index, field in indices)


def _read_columns(data: bytes, leaves: Sequence[Leaf]) -> pa.Table:
    """Return columns of a part. A text that repeats takes memory once."""
    paths = [leaf.path for leaf in leaves]
    with open_part(data, as_dictionaries=[leaf.path for leaf in leaves if leaf.is_text]) as file:
        check_pages(file.metadata, data, leaves)
        # One row group at a time: pyarrow reads no nested dictionary across row groups.
        groups = range(file.metadata.num_row_groups)
        tables = [file.read_row_group(group, paths, use_threads=False) for group in groups]
    table = pa.concat_tables(tables)
    # The offsets of a damaged column could lead out of its buffers.
    table.validate(full=True)
    return table


@contextmanager
def _reading_part(name: str) -> Iterator[None]:
    try:
        yield
    except TooManyCharacters:
        raise _unreadable_part(
            name, f"holds more than {TEXT_CHARACTERS_MAX:,} characters"
        ) from None
    except READING_ERRORS as error:
        raise _unreadable_part(name, f"cannot be read ({type(error).__name__})") from None


def _unreadable_part(name: str, reason: str) -> JournalUnreadable:
    return JournalUnreadable(
        f"The staged part {name} {reason}. Remove it while no task works on the run. A retry "
        f"makes it again, and pays for its rows again."
    )
