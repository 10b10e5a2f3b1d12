"""The split of the input into shards, and its durable form. Knows no file, only descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import msgspec

from airflow_provider_aimlapi.core.keys import RUNS_FOLDER
from airflow_provider_aimlapi.core.object_names import NAME_CHARACTERS_MAX, is_object_name
from airflow_provider_aimlapi.core.visible_names import escaped
from airflow_provider_aimlapi.errors import InputUnreadable, InvalidSpec, JournalUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHARD_ROWS_MAX = 8192
"""So that the outcomes of a shard, a few kB each, fit into memory several times."""
SHARD_BYTES_MAX = 32 * 1024 * 1024
"""Of uncompressed input, for wide rows: a part is built in memory and stored by one PUT."""


PARTS_A_WORKER = 4
"""At least, where there are rows enough: shares are made of whole parts, so they differ by a part."""
SHARE_ROWS_MIN = 256
"""Smaller shards are not made for workers: one worker has so many rows in flight."""
WORKERS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """Rows and uncompressed bytes of a Parquet row group."""

    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A Parquet file of the input, as its listing and its footer describe it.

    Attributes:
        uri: where it is, without a connection id; part of the run key.
        path: the same place, as its file system names it.
        version: the store's version or ETag, or the modification time of a local file.
        size_bytes: as listed.
        folder: its folder relative to the input path, "" or ending in "/"; hive folders included.
        stem: its name without the suffix.
        partition: hive key and value pairs of its folders; the value None for hive's null.
        row_groups: in file order.
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
        """Rows of the file."""
        return sum(group.rows for group in self.row_groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A fixed range of rows of one file: the unit of reading, and one output part.

    Attributes:
        part: number of the output part, from 0, in input order.
        file: index into the plan's files.
        first_row: index within the file. rows: may be 0 for a file without rows.
        visible_name: where plain readers find the part, relative to the output path.
    """

    part: int
    file: int
    first_row: int
    rows: int
    visible_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is: its key and its shards, in input order.

    Attributes:
        shares: the number of the first part of each share. A share is a range of parts that a task
            of its own may ask for; one share is the whole run.
    """

    run_key: str
    shards: tuple[Shard, ...]
    shares: tuple[int, ...] = (0,)

    @property
    def rows(self) -> int:
        """Rows of all shards."""
        return sum(shard.rows for shard in self.shards)

    def of_share(self, share: int) -> Plan:
        """The plan of one share, as if it were all.

        Raises:
            InvalidSpec: the run has no such share.
        """
        if not 0 <= share < len(self.shares):
            raise InvalidSpec(
                f"share={share}: run {self.run_key} was begun with {len(self.shares)} share(s), "
                f"numbered from 0, and keeps to them. Take the numbers from the task that plans "
                f"the run, or leave share out for the whole run."
            )
        first, end = (*self.shares, len(self.shards))[share : share + 2]
        return Plan(run_key=self.run_key, shards=self.shards[first:end], shares=(first,))


def plan_shards(
    files: Sequence[InputFile],
    *,
    limit_rows: int | None = None,
    rows_max: int = SHARD_ROWS_MAX,
    bytes_max: int = SHARD_BYTES_MAX,
) -> tuple[Shard, ...]:
    """Split files into shards: each row once, in order, no shard above either bound.

    A single row may exceed `bytes_max`. A file without rows gets one empty shard, so that its
    schema appears in the output.

    Raises:
        InputUnreadable: when two files stand for one output name, or one for none that can be.
    """
    left = limit_rows
    shards: list[Shard] = []
    for index, file in enumerate(files):
        if left is not None and left <= 0:
            break
        first_row = 0
        for number, rows in enumerate(_ranges(file, left, rows_max, bytes_max)):
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
    """How large shards may be, so that so many workers get about the same.

    For one worker, and for data sets that are large enough, that is no restriction.
    """
    wanted = -(-rows // (PARTS_A_WORKER * workers))
    return SHARD_ROWS_MAX if workers == 1 else min(SHARD_ROWS_MAX, max(SHARE_ROWS_MIN, wanted))


def split_shares(shards: Sequence[Shard], workers: int) -> tuple[int, ...]:
    """The first part of each share: at most one a worker, about the same rows in each.

    A shard is never divided, and no share is without rows unless the run is.
    """
    rows = sum(shard.rows for shard in shards)
    firsts = [0]
    before = 0
    for shard in shards:
        middle = before + shard.rows / 2
        is_due = len(firsts) < workers and middle > rows * len(firsts) / workers
        if is_due and shard.rows and before:
            firsts.append(shard.part)
        before += shard.rows
    return tuple(firsts)


def _ranges(file: InputFile, limit: int | None, rows_max: int, bytes_max: int) -> Iterator[int]:
    """Row counts of a file's shards: whole row groups where they fit, pieces where they do not."""
    left = file.rows if limit is None else min(file.rows, limit)
    if left == 0:
        yield 0
        return
    gathered = 0
    gathered_bytes = 0
    for group in file.row_groups:
        row_bytes = group.size_bytes / max(group.rows, 1)
        piece_max = max(1, min(rows_max, int(bytes_max / max(row_bytes, 1))))
        for rows in _pieces(group.rows, piece_max):
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


def _pieces(rows: int, piece_max: int) -> Iterator[int]:
    while rows > 0:
        yield min(rows, piece_max)
        rows -= piece_max


def _check_names(files: Sequence[InputFile], shards: Sequence[Shard]) -> None:
    """Refuse input files whose output could not be stored side by side, naming them."""
    owners: dict[str, int] = {}
    for shard in shards:
        _check_name(shard.visible_name, files[shard.file])
        first = owners.setdefault(shard.visible_name, shard.file)
        if first != shard.file:
            _refuse_pair(files[first], files[shard.file], f"become {shard.visible_name}")
    folders = {shard.visible_name.rpartition("/")[0]: shard.file for shard in shards}
    for folder, file in folders.items():
        for name in _with_parents(folder):
            if name in owners:
                what = f"write to {name}, one as a file and one as a folder"
                _refuse_pair(files[owners[name]], files[file], what)


def _check_name(name: str, file: InputFile) -> None:
    if name.startswith(f"{RUNS_FOLDER}/"):
        raise InputUnreadable(
            f"input_path: the output of {escaped(file.uri)} would lie in {RUNS_FOLDER}/, which is "
            f"kept for runs. Choose an input_path below that folder."
        )
    if not is_object_name(name):
        raise InputUnreadable(
            f"input_path: no output file can be named after {escaped(file.uri)}: the name would "
            f"have more than {NAME_CHARACTERS_MAX:,} characters. Shorten its name."
        )


def _refuse_pair(one: InputFile, other: InputFile, what: str) -> NoReturn:
    raise InputUnreadable(
        f"Two input files, {escaped(one.uri)} and {escaped(other.uri)}, would both {what}. "
        f"Rename one of them."
    )


def _with_parents(folder: str) -> Iterator[str]:
    """Yield a folder and all folders that it is in; nothing for ""."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


class _StoredShard(msgspec.Struct, array_like=True, frozen=True):
    part: int
    file: int
    first_row: int
    rows: int
    visible_name: str


class _StoredPlan(msgspec.Struct, frozen=True, omit_defaults=True):
    run_key: str
    made_of: msgspec.Raw
    shards: tuple[_StoredShard, ...]
    shares: tuple[int, ...] = (0,)


def encode_plan(plan: Plan, made_of_json: bytes) -> bytes:
    """The plan's durable form; `made_of_json` is the JSON that the run key was made of."""
    return msgspec.json.encode(
        _StoredPlan(
            run_key=plan.run_key,
            made_of=msgspec.Raw(made_of_json),
            shards=tuple(
                _StoredShard(s.part, s.file, s.first_row, s.rows, s.visible_name)
                for s in plan.shards
            ),
            shares=plan.shares,
        )
    )


def decode_plan(data: bytes, *, run_key: str) -> Plan:
    """Read a stored plan back.

    Raises:
        JournalUnreadable: when it does not parse, or belongs to another run.
    """
    try:
        stored = msgspec.json.decode(data, type=_StoredPlan)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise JournalUnreadable(f"plan.json of run {run_key} does not parse: {error}") from None
    if stored.run_key != run_key:
        raise JournalUnreadable(f"plan.json of run {run_key} names another run: {stored.run_key}")
    shards = tuple(
        Shard(
            part=s.part,
            file=s.file,
            first_row=s.first_row,
            rows=s.rows,
            visible_name=s.visible_name,
        )
        for s in stored.shards
    )
    shares = stored.shares
    is_sound = list(shares) == sorted({0, *shares}) and shares[-1] < max(1, len(shards))
    if not is_sound:
        raise JournalUnreadable(f"plan.json of run {run_key} divides {len(shards)} parts wrongly")
    return Plan(run_key=run_key, shards=shards, shares=shares)
