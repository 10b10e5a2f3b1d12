"""A staged part that no run has written is refused by name, before it takes time or memory."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from airflow_provider_aimlapi.core.durable.manifest import Tally, tally_of
from airflow_provider_aimlapi.core.durable.plan import Shard
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_reader import (
    part_outcomes,
    read_staged_part,
    rejected_rows,
)
from tests.attacks.planted_parts import (
    RUN_KEY,
    info_with,
    infos,
    outcomes_of,
    page_header,
    planted_part,
    texts,
    with_page_header,
)
from tests.attacks.planted_run import SHAPE
from tests.attacks.planted_stores import check, finished, interrupted, run_key_of

ROWS = 6
MEMORY_MB_MAX = 400
SHARD = Shard(part=2, file=0, first_row=0, rows=ROWS, visible_name="a-00002.parquet")
TALLY = tally_of(outcomes_of(ROWS))


def planted(rows: int = ROWS, **changes: Any) -> bytes:
    return planted_part(rows, **{"run_key": RUN_KEY, "part": 2, **changes})


def read(data: bytes) -> None:
    """As an attempt reads a part whose rejected rows are asked again."""
    entry = read_staged_part(
        data,
        run_key=RUN_KEY,
        shard=SHARD,
        staged_name="part-00002",
        outcome_columns=OutcomeColumns("completion"),
    ).entry
    rejected_rows(data, entry, outcome_columns=OutcomeColumns("completion"))
    part_outcomes(data, entry, outcome_columns=OutcomeColumns("completion"))


def said(**changes: int) -> dict[str, Any]:
    return {"tally": msgspec.structs.replace(TALLY, **changes)}


def field(name: str, values: list[Any], kind: pa.DataType) -> dict[str, Any]:
    return {"info": info_with(ROWS, name, pa.array(values, kind))}


def extended() -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)] * ROWS, pa.binary(16)))


FOOTERS: dict[str, dict[str, Any]] = {
    "another run": {"run_key": "cd" * 16},
    "a run that is none": {"run_key": "../x"},
    "another part": {"part": 3},
    "a negative part": {"metadata": {"part": -2}},
    "no part": {"metadata": {"part": None}},
    "a huge epoch": {"metadata": {"epoch": 10**30}},
    "a negative epoch": {"metadata": {"epoch": -1}},
    "an epoch of 5,000 digits": {"metadata": {"epoch": "9" * 5_000}},
    "fewer rows": {"metadata": {"rows": ROWS - 1}},
    "negative rows": {"metadata": {"rows": -588}},
    "no tally": {"tally": b""},
    "a tally of text": {"tally": b'{"ok":"4"}'},
    "a deep tally": {"tally": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"},
    "a negative cost": {"tally": b'{"ok":4,"rejected":2,"cost_nano_usd":-5}'},
    "a huge cost": {"tally": b'{"ok":4,"rejected":2,"cost_nano_usd":1' + b"0" * 40 + b"}"},
    "negative rows in the tally": {"tally": b'{"ok":8,"rejected":-2}'},
    "more unknown costs than answers": said(rows_without_cost=5),
    "another sum": said(ok=5),
    "a cost below that of its rejected rows": said(cost_nano_usd=9),
    "a cost below that of its rows": said(cost_nano_usd=3_000),
    "a cost above that of its rows, all of which are known": said(cost_nano_usd=10**12),
    "rejected rows that are none": said(ok=3, rejected=3),
    "truncated rows that are ok": said(ok=3, truncated=1),
    "other tokens": said(prompt_tokens=1),
    "reused answers that are none": said(reused_answers=1),
    "more reused answers than answers": said(reused_answers=5),
    "duplicates that are none": said(duplicates=1),
    "more duplicates than answers": said(duplicates=5),
    "a saving without a reused answer": said(saved_nano_usd=1),
}
COLUMNS: dict[str, dict[str, Any]] = {
    "statuses that are numbers": field("status", [1] * ROWS, pa.int64()),
    "large strings": field("status", ["ok"] * ROWS, pa.large_string()),
    "bytes for texts": {"text": texts(ROWS).cast(pa.binary())},
    "numbers for texts": {"text": pa.array(range(ROWS))},
    "lists of texts": {"text": pa.array([["a"]] * ROWS)},
    "an extension type": {"text": extended()},
    "an extension type inside": {"info": info_with(ROWS, "model", extended())},
    "dictionaries": {"text": texts(ROWS).dictionary_encode()},
    "a field more": {"info": info_with(ROWS, "more", pa.array(range(ROWS)))},
    "a field missing": {
        "info": pa.StructArray.from_arrays(
            infos(ROWS).flatten()[:-1], fields=list(infos(1).type)[:-1]
        )
    },
    "a struct in lists": {"info": pa.array([[{"status": "ok"}]] * ROWS)},
    "no struct": {"names": ("completion",)},
    "the same column twice": {"names": ("completion_info", "completion_info")},
    "a status that is null": field("status", ["ok"] * 5 + [None], pa.string()),
    "a status of its own": field("status", ["ok"] * 5 + ["done"], pa.string()),
    "a struct that is null": {"info": pa.array([None] * ROWS, infos(1).type)},
    "negative attempts": field("attempts", [-1] * ROWS, pa.int32()),
    "attempts that are null": field("attempts", [None] * ROWS, pa.int32()),
    "negative tokens": field("prompt_tokens", [-7] * ROWS, pa.int64()),
    "a negative cost": field("cost_usd", [-0.5] * ROWS, pa.float64()),
    "a cost that is no number": field("cost_usd", [float("nan")] * ROWS, pa.float64()),
    "an infinite cost": field("cost_usd", [float("inf")] * ROWS, pa.float64()),
    "a huge cost": field("cost_usd", [1e300] * ROWS, pa.float64()),
    "a payer that is no run": field("reused_from", ["../x"] * ROWS, pa.string()),
    "a reused answer that the tally lacks": field("reused_from", [RUN_KEY] * ROWS, pa.string()),
    "an original that is no row": field("same_as", ["0:-1"] * ROWS, pa.string()),
    "an original that is a text": field("same_as", ["a private text"] * ROWS, pa.string()),
    "a duplicate that the tally lacks": field("same_as", ["0:0"] * ROWS, pa.string()),
    "a negative saving": field("saved_usd", [-0.5] * ROWS, pa.float64()),
    "an instant after all calendars": field(
        "completed_at", [2**62] * ROWS, pa.timestamp("us", "UTC")
    ),
    "an instant before 1970": field("completed_at", [-1] * ROWS, pa.timestamp("us", "UTC")),
}


def test_honest_part_is_read() -> None:
    read(planted())
    read(planted(row_group_size=2, data_page_size=1))


@pytest.mark.parametrize(
    "changes", [*FOOTERS.values(), *COLUMNS.values()], ids=[*FOOTERS, *COLUMNS]
)
def test_part_that_no_run_writes_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(JournalUnreadable, match=r"part-00002 .* Remove it"):
        read(planted(**changes))


@pytest.mark.parametrize("rows", [ROWS - 1, ROWS + 1, 1_000_000])
def test_part_of_other_rows_than_plan_is_refused_undecoded(rows: int) -> None:
    text = pa.nulls(rows, pa.string())
    info = pa.nulls(rows, infos(1).type)
    data = planted(rows=rows, text=text, info=info, tally=Tally(ok=ROWS), metadata={"rows": ROWS})
    with pytest.raises(JournalUnreadable, match=f"holds {rows:,} rows"):
        read(data)


@pytest.mark.parametrize(
    ("uncompressed", "compressed", "values"),
    [
        (2**31 - 1, 1, ROWS),
        (-1, 1, ROWS),
        (100, -1, ROWS),
        (100, 2**31 - 1, ROWS),
        (100, 0, 2**31 - 1),
        (2**30, 0, ROWS),
    ],
)
@pytest.mark.parametrize(
    "path", ["completion", "completion_info.status", "completion_info.cost_usd"]
)
def test_page_header_that_lies_is_found_before_decoding(
    path: str, uncompressed: int, compressed: int, values: int
) -> None:
    data = with_page_header(planted(), path, page_header(uncompressed, compressed, values))
    with pytest.raises(JournalUnreadable, match=r"\(TooLarge\)"):
        read(data)


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.attack)])
@pytest.mark.parametrize("mask", [0xFF, 0x80, 0x01])
def test_flipped_bits_are_noticed_or_change_no_sum(mask: int, step: int) -> None:
    whole = planted()
    for place in range(0, len(whole), step):
        with suppress(JournalUnreadable):
            read(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])


def test_bombs_take_little_memory() -> None:
    """In a process of its own, for a peak of memory is that of a process."""
    child = "from tests.attacks.planted_parts import explode_all; explode_all()"
    done = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, text=True, timeout=120, check=True
    )
    lines = done.stdout.splitlines()
    reasons = ("TooLarge", "TooLarge", "characters", "KeyError")
    assert [reason in line for reason, line in zip(reasons, lines, strict=True)] == [True] * 4
    assert sum(int(line.split()[0]) for line in lines) < MEMORY_MB_MAX, lines


@pytest.mark.parametrize("number", range(4))
def test_planted_part_costs_no_call_and_no_other_error(number: int) -> None:
    """In a run: whichever part is planted, it is named, or its own rows count as decided."""
    bench = interrupted()
    run_key = run_key_of(finished())
    rows = SHAPE.rows[number]
    name = f"_aimlapi/{run_key}/parts/part-{number:05d}.parquet"
    negative: tuple[dict[str, Any], ...] = (
        {"tally": b'{"ok":4,"cost_nano_usd":-1}'},
        {"metadata": {"rows": -1}},
    )
    told: tuple[dict[str, Any], ...] = ({}, {"retry_rejected": True}, {"max_cost_usd": 0.02})
    for changes in ({}, *negative):
        data = planted_part(rows, **{"run_key": run_key, "part": number, **changes})
        for settings in told:
            attempt = bench.attempt(changes={name: data}, **settings)
            check(bench, attempt)
            if changes:
                assert isinstance(attempt.error, JournalUnreadable)
                assert attempt.prompts == []
