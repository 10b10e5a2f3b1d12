"""Damage copies of files, and take each through everything that a run does with its input.

A program, because what is looked for ends a process: python -m tests.attacks.damaged_files SEED COPIES
"""

from __future__ import annotations

import collections
import json
import random
import sys
import warnings

import fsspec

from airflow_provider_aimlapi.core.calls.completion import skipped_outcome
from airflow_provider_aimlapi.core.durable.plan import plan_shards
from airflow_provider_aimlapi.errors import AimlapiError, InvalidSpec
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_writer import encode_part
from tests.interop.parquet_classes import BROKEN, SOUND

FOOTER_SHARE = 0.6
"""Of the copies, whose damage is in the footer: there it is that a process could end."""


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A copy with a few bytes changed, or some taken out."""
    copy = bytearray(data)
    footer = min(int.from_bytes(data[-8:-4], "little"), len(data) - 60)
    start = max(4, len(data) - 60 - footer) if chance.random() < FOOTER_SHARE else 4
    for _ in range(chance.choice([1, 1, 2, 5])):
        place = chance.randrange(start, len(copy) - 8)
        match chance.randrange(4):
            case 0:
                copy[place] = chance.randrange(256)
            case 1:
                copy[place] ^= 1 << chance.randrange(8)
            case 2:
                copy[place : place + chance.randrange(1, 9)] = b""
            case _:
                copy[place:place] = chance.randbytes(chance.randrange(1, 5))
    return bytes(copy)


def outcome(data: bytes) -> str:
    """What becomes of a file: `read`, or the kind of our error."""
    fs = fsspec.filesystem("memory", global_store=False, skip_instance_cache=True)
    fs.pipe_file("/in/damaged.parquet", data)
    try:
        data_set = open_data_set(fs, "memory://in")
        data_set.warn_of_losses()
        shards = plan_shards(data_set.files)
        data_set.check_values(shards)
        for shard in shards:
            read_and_write(data_set, shard)
    except AimlapiError as error:
        if "damaged.parquet" not in str(error):
            raise
        return type(error).__name__
    return "read"


def read_and_write(data_set: object, shard: object) -> None:
    """A shard's prompts, and its part."""
    names = []
    for name in data_set.column_names:  # type: ignore[attr-defined]
        try:
            data_set.check_promptable([name])  # type: ignore[attr-defined]
            names.append(name)
        except InvalidSpec:
            continue
    for _ in data_set.read_rows(shard, names):  # type: ignore[attr-defined]
        pass
    outcomes = [skipped_outcome("null", row=row) for row in range(shard.rows)]  # type: ignore[attr-defined]
    encode_part(
        data_set,  # type: ignore[arg-type]
        shard,  # type: ignore[arg-type]
        outcomes,
        outcome_columns=OutcomeColumns("completion"),
        run_key="ab" * 16,
        epoch=1,
    )


def main(seed: int, copies: int) -> None:
    """Print how many copies came to which end."""
    warnings.simplefilter("ignore")
    chance = random.Random(seed)  # noqa: S311  seeded, so that a seed replays
    whole = [make() for make in (SOUND | BROKEN).values()]
    sources = [data for data in whole if len(data) > 100]
    ends = collections.Counter(
        outcome(damaged(chance.choice(sources), chance)) for _ in range(copies)
    )
    print(json.dumps(ends))  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
