"""The split of the input into shards, and its stored form. Reads no file, only their descriptions.

The split follows from the files and the number of workers. So a stored plan is compared with the
split that its reader makes of the same files. If you change how `plan_shards` or `split_shares`
split, change `keys.PROTOCOL_VERSION`, too. Otherwise the runs of an older version are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec

from airflow_provider_aimlapi.core.durable.bounds import (
    SHARD_ROWS_MAX,
    Count,
    PartNumber,
    RunKey,
    ShardRows,
)
from airflow_provider_aimlapi.core.durable.keys import RUNS_FOLDER
from airflow_provider_aimlapi.core.durable.object_names import (
    NAME_CHARACTERS_MAX,
    ObjectName,
    is_object_name,
)
from airflow_provider_aimlapi.core.durable.object_sizes import MANIFEST_BYTES_MAX, PLAN_BYTES_MAX
from airflow_provider_aimlapi.core.durable.stored_json import REMOVE_FOLDER, decode_stored
from airflow_provider_aimlapi.core.durable.visible_names import escaped_name
from airflow_provider_aimlapi.core.texts.setting_ranges import WORKERS_MAX
from airflow_provider_aimlapi.errors import InputUnreadable, InvalidSpec, JournalUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHARD_BYTES_MAX = 32 * 1024 * 1024
"""Uncompressed input of a shard of wide rows. A part is built in memory and stored with one PUT."""


PARTS_A_WORKER = 4
"""The least, if there are rows enough. Shares are made of whole parts, so they differ by a part."""
SHARE_ROWS_MIN = 256
"""Smaller shares are not made, because one worker has this many rows in flight."""
PARTS_MAX = 250_000
"""The most parts of a run: two billion rows, or fewer wide ones. The manifest and the plan of more would be
too large to be read back within a limit."""
BRACKETS_MAX = 4 * PARTS_MAX
"""The most opening brackets in a stored plan: one per shard, one per file, and those in names. The limit
bounds the number of decoded values, which take ten times as much memory as the text."""
MANIFEST_PART_BYTES = 1_000
"""The most bytes of a part in a manifest, without its visible name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """The rows and the uncompressed bytes of a Parquet row group."""

    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A Parquet file of the input, by its listing and its footer.

    Attributes:
        uri: its location, without a connection id; part of the run key.
        path: the same location, as its file system names it.
        version: the store's version or ETag, or the modification time of a local file.
        size_bytes: as listed.
        folder: its folder relative to the input path, "" or ending in "/"; hive folders included.
        stem: its name without the suffix.
        partition: the hive keys and values of its folders; None for hive's null.
        row_groups: in the order of the file.
    """

    uri: str
    path: str
    version: str
    size_bytes: int
    folder: str
    stem: str
    partition: tuple[tuple[str, str | None], ...] = ()
    row_groups: tuple[RowGroup, ...] = ()

    @property
    def rows(self) -> int:
        """The rows of the file."""
        return sum(group.rows for group in self.row_groups)


class Shard(msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False):
    """A fixed range of rows of one file: the unit of reading, and one output part.

    Attributes:
        part: the number of the output part, from 0, in input order.
        file: an index into the plan's files.
        first_row: an index within the file.
        rows: 0 for a file without rows.
        visible_name: the name of the part for plain readers, relative to the output path.
    """

    part: PartNumber
    file: Count
    first_row: Count
    rows: ShardRows
    visible_name: ObjectName


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run's key and its shards, in input order.

    Attributes:
        shares: the number of the first part of each share. A share is a range of parts that a task
            of its own may process. One share is the whole run.
        workers: the number of workers at the split. With the files, it determines the shards and
            the shares.
    """

    run_key: str
    shards: tuple[Shard, ...]
    shares: tuple[int, ...] = (0,)
    workers: int = 1

    @property
    def rows(self) -> int:
        """The rows of all shards."""
        return sum(shard.rows for shard in self.shards)

    def of_share(self, share: int) -> Plan:
        """Return the plan of one share, as if it were a whole run.

        Raises:
            InvalidSpec: the run has no such share.
        """
        if not 0 <= share < len(self.shares):
            raise InvalidSpec(
                f"share={share}: run {self.run_key} was begun with {len(self.shares)} share(s), "
                f"numbered from 0, and keeps to them. Take the numbers from the task that plans "
                f"the run, or leave share out for the whole run."
            )
        # The end of the last share is the end of the run.
        first, end = (*self.shares, len(self.shards))[share : share + 2]
        return Plan(run_key=self.run_key, shards=self.shards[first:end], shares=(first,))


def plan_shards(
    files: Sequence[InputFile],
    *,
    limit_rows: int | None = None,
    rows_max: int = SHARD_ROWS_MAX,
    bytes_max: int = SHARD_BYTES_MAX,
) -> tuple[Shard, ...]:
    """Split files into shards: each row once, in order, no shard above either limit.

    A single row may exceed `bytes_max`. A file without rows gets one empty shard, so that its
    schema appears in the output.

    Raises:
        InputUnreadable: two files lead to one output name, or one file to a name that is not
            possible.
    """
    left = limit_rows
    shards: list[Shard] = []
    for index, file in enumerate(files):
        if left is not None and left <= 0:
            break
        # Numbers start at 0 for each file, so a file's parts keep their names if other files are
        # added.
        first_row = 0
        for number, rows in enumerate(_rows_of_shards(file, left, rows_max, bytes_max)):
            name = f"{file.folder}{file.stem}-{number:05d}.parquet"
            shards.append(
                Shard(
                    part=len(shards), file=index, first_row=first_row, rows=rows, visible_name=name
                )
            )
            first_row += rows
        if left is not None:
            left -= first_row
    _check_names(files, shards)
    return tuple(shards)


def shard_rows_max(rows: int, workers: int) -> int:
    """Return how large shards may be, so that all workers get about the same number of rows.

    For one worker, and for large data sets, it does not restrict the shards.
    """
    wanted = -(-rows // (PARTS_A_WORKER * workers))
    return SHARD_ROWS_MAX if workers == 1 else min(SHARD_ROWS_MAX, max(SHARE_ROWS_MIN, wanted))


def split_shares(shards: Sequence[Shard], workers: int) -> tuple[int, ...]:
    """Return the first part of each share: at most one share per worker, with about the same rows.

    A shard is never divided. Only an empty run has a share without rows.
    """
    rows = sum(shard.rows for shard in shards)
    firsts = [0]
    before = 0
    for shard in shards:
        middle = before + shard.rows / 2
        is_due = len(firsts) < workers and middle > rows * len(firsts) / workers
        # A share begins where most of the shard lies beyond the share's end. Without rows before
        # it, the first share would be empty, and without rows in it, this one might be.
        if is_due and shard.rows and before:
            firsts.append(shard.part)
        before += shard.rows
    return tuple(firsts)


def _rows_of_shards(
    file: InputFile, limit: int | None, rows_max: int, bytes_max: int
) -> Iterator[int]:
    """Yield the rows of a file's shards: whole row groups if they fit, pieces of them otherwise."""
    left = file.rows if limit is None else min(file.rows, limit)
    # One empty shard, so that the file's schema is in the output.
    if left == 0:
        yield 0
        return
    gathered = 0
    gathered_bytes = 0
    # Whole row groups are gathered while they fit, because a shard that ends inside of a row group
    # makes its reader decode the rest for nothing. A row group above a limit is cut into pieces.
    for group in file.row_groups:
        row_bytes = group.size_bytes / max(group.rows, 1)
        piece_max = max(1, min(rows_max, int(bytes_max / max(row_bytes, 1))))
        for rows in _pieces_of_group(group.rows, piece_max):
            size_bytes = int(rows * row_bytes)
            if gathered and (gathered + rows > rows_max or gathered_bytes + size_bytes > bytes_max):
                yield min(gathered, left)
                left -= gathered
                gathered = gathered_bytes = 0
            if left <= 0:
                return
            gathered += rows
            gathered_bytes += size_bytes
    if gathered and left > 0:
        yield min(gathered, left)


def _pieces_of_group(rows: int, piece_max: int) -> Iterator[int]:
    while rows > 0:
        yield min(rows, piece_max)
        rows -= piece_max


def _check_names(files: Sequence[InputFile], shards: Sequence[Shard]) -> None:
    """Refuse input files whose outputs could not be stored side by side, and name them."""
    owners: dict[str, int] = {}
    for shard in shards:
        _check_name(shard.visible_name, files[shard.file])
        first = owners.setdefault(shard.visible_name, shard.file)
        if first != shard.file:
            _refuse_pair(files[first], files[shard.file], f"become {shard.visible_name}")
    # On a disk, a name cannot be both a file and a folder.
    folders = {shard.visible_name.rpartition("/")[0]: shard.file for shard in shards}
    for folder, file in folders.items():
        for name in _with_parents(folder):
            if name in owners:
                what = f"write to {name}, one as a file and one as a folder"
                _refuse_pair(files[owners[name]], files[file], what)


def _check_name(name: str, file: InputFile) -> None:
    if name.startswith(f"{RUNS_FOLDER}/"):
        raise InputUnreadable(
            f"Choose an input_path below {RUNS_FOLDER}/, which is kept for runs: the output of "
            f"{escaped_name(file.uri)} would lie there."
        )
    if not is_object_name(name):
        raise InputUnreadable(
            f"Shorten the name of an input file: no output file can be named after "
            f"{escaped_name(file.uri)}, because the name would have more than {NAME_CHARACTERS_MAX:,} "
            f"characters."
        )


def _refuse_pair(one: InputFile, other: InputFile, what: str) -> NoReturn:
    pair = escaped_name(one.uri), escaped_name(other.uri)
    # A tab and its percent-encoding look the same in a text without control characters.
    note = f" Their names are {one.uri!a} and {other.uri!a}." if pair[0] == pair[1] else ""
    raise InputUnreadable(
        f"Rename one of two input files: {pair[0]} and {pair[1]} would both {what}.{note}"
    )


def _with_parents(folder: str) -> Iterator[str]:
    """Yield a folder and all folders that it is in; nothing for ""."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


class _StoredPlan(msgspec.Struct, frozen=True, omit_defaults=True):
    run_key: RunKey
    made_of: msgspec.Raw
    shards: tuple[Shard, ...]
    shares: Annotated[
        tuple[PartNumber, ...], msgspec.Meta(min_length=1, max_length=WORKERS_MAX)
    ] = (0,)
    workers: Annotated[int, msgspec.Meta(ge=1, le=WORKERS_MAX)] = 1


def encode_plan(plan: Plan, made_of_json: bytes) -> bytes:
    """Return the plan's stored form; `made_of_json` is the JSON that the run key was made from.

    Raises:
        InvalidSpec: the input has too many files or parts for one run.
    """
    data = msgspec.json.encode(
        _StoredPlan(
            run_key=plan.run_key,
            made_of=msgspec.Raw(made_of_json),
            shards=plan.shards,
            shares=plan.shares,
            workers=plan.workers,
        )
    )
    # A plan or a manifest above these limits could be written, but not be read again.
    if (
        len(plan.shards) > PARTS_MAX
        or len(data) > PLAN_BYTES_MAX
        or data.count(b"[") > BRACKETS_MAX
        or manifest_bytes_max(plan) > MANIFEST_BYTES_MAX
    ):
        raise InvalidSpec(
            f"Give each run fewer files: the input makes {len(plan.shards):,} parts, described by "
            f"{len(data):,} bytes, which is too much for one run. It has {PARTS_MAX:,} parts and "
            f"{PLAN_BYTES_MAX:,} bytes at most."
        )
    return data


def manifest_bytes_max(plan: Plan) -> int:
    """Return the most bytes that a manifest of a plan's parts takes."""
    names_bytes = sum(2 * len(shard.visible_name.encode()) for shard in plan.shards)
    return (1 + len(plan.shards)) * MANIFEST_PART_BYTES + names_bytes


def decode_plan(data: bytes, *, run_key: str) -> Plan:
    """Decode a stored plan. `check_split` finds out whether it splits the run's own input.

    Raises:
        JournalUnreadable: it is not a plan, or belongs to another run.
    """
    what = f"plan.json of run {run_key}"
    # Counted before decoding, because the values take ten times as much memory as the text.
    if data.count(b"[") > BRACKETS_MAX:
        raise JournalUnreadable(f"{REMOVE_FOLDER} {what} has more parts than a run has.")
    stored = decode_stored(
        data, _StoredPlan, what=what, bytes_max=PLAN_BYTES_MAX, fix=REMOVE_FOLDER
    )
    if stored.run_key != run_key:
        raise JournalUnreadable(f"{REMOVE_FOLDER} {what} names another run.")
    shares, parts = stored.shares, len(stored.shards)
    are_divided = list(shares) == sorted({0, *shares}) and shares[-1] < max(1, parts)
    are_parts = all(
        shard.part == part and not shard.visible_name.startswith(f"{RUNS_FOLDER}/")
        for part, shard in enumerate(stored.shards)
    )
    if not (are_divided and are_parts):
        raise JournalUnreadable(f"{REMOVE_FOLDER} {what} divides {parts:,} parts wrongly.")
    return Plan(run_key=run_key, shards=stored.shards, shares=stored.shares, workers=stored.workers)


def check_split(stored: Plan, expected: Plan, *, uri: str) -> None:
    """Refuse a stored plan that does not cover each row of the run's input once, in order.

    Args:
        expected: the split of the same input for the same number of workers.

    Raises:
        JournalUnreadable: it does not. The text names the plan and the fix.
    """
    if stored != expected:
        raise JournalUnreadable(
            f"{REMOVE_FOLDER} {uri} does not split the input as this run does: another program, or "
            f"another version of this provider, has written it."
        )
