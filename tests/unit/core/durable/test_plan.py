from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from airflow_provider_aimlapi.core.durable.object_names import is_object_name
from airflow_provider_aimlapi.core.durable.plan import (
    InputFile,
    Plan,
    RowGroup,
    Shard,
    decode_plan,
    encode_plan,
    plan_shards,
    shard_rows_max,
    split_shares,
)
from airflow_provider_aimlapi.errors import InputUnreadable, InvalidSpec, JournalUnreadable

RUN_KEY = "0123456789abcdef" * 2


def file(stem: str, *groups: tuple[int, int], folder: str = "") -> InputFile:
    """An input file of row groups, each given as rows and bytes."""
    return InputFile(
        uri=f"s3://lake/{folder}{stem}.parquet",
        path=f"lake/{folder}{stem}.parquet",
        version="v1",
        size_bytes=100,
        folder=folder,
        stem=stem,
        row_groups=tuple(RowGroup(rows=rows, size_bytes=size) for rows, size in groups),
    )


GROUP = st.tuples(st.integers(0, 40), st.integers(0, 4000))
FILES = st.lists(st.lists(GROUP, max_size=6), max_size=5).map(
    lambda files: [file(f"f{index}", *groups) for index, groups in enumerate(files)]
)
BOUND = st.integers(1, 50)
WHOLE_BYTES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 300)), max_size=6).map(
    lambda groups: [file("f", *((rows, rows * row_bytes) for rows, row_bytes in groups))]
)
"""A file in whose row groups a row has a whole number of bytes."""


@given(files=FILES, rows_max=BOUND, bytes_max=BOUND.map(lambda size: size * 20))
def test_each_row_is_in_one_shard_in_order(files, rows_max, bytes_max):
    shards = plan_shards(files, rows_max=rows_max, bytes_max=bytes_max)
    covered = [
        (shard.file, row)
        for shard in shards
        for row in range(shard.first_row, shard.first_row + shard.rows)
    ]
    assert covered == [(index, row) for index, f in enumerate(files) for row in range(f.rows)]
    assert [shard.part for shard in shards] == list(range(len(shards)))


@given(files=FILES, rows_max=BOUND)
def test_only_an_empty_file_has_an_empty_part(files, rows_max):
    shards = plan_shards(files, rows_max=rows_max)
    assert {shard.file for shard in shards} == set(range(len(files)))
    for shard in shards:
        assert (shard.rows == 0) == (files[shard.file].rows == 0)


@given(files=FILES, limit=st.integers(0, 150), rows_max=BOUND)
def test_a_limit_takes_the_first_rows(files, limit, rows_max):
    everything = plan_shards(files, rows_max=rows_max)
    limited = plan_shards(files, limit_rows=limit, rows_max=rows_max)
    rows = sum(shard.rows for shard in everything)
    assert sum(shard.rows for shard in limited) == min(rows, limit)
    for shard, whole in zip(limited, everything, strict=False):
        assert (shard.part, shard.file, shard.first_row) == (
            whole.part,
            whole.file,
            whole.first_row,
        )
        assert shard.rows <= whole.rows
        assert shard.visible_name == whole.visible_name
    assert all(shard.rows for shard in limited if files[shard.file].rows)


def bytes_of_rows(f: InputFile) -> list[float]:
    return [group.size_bytes / group.rows for group in f.row_groups for _ in range(group.rows)]


@given(files=WHOLE_BYTES, rows_max=BOUND, bytes_max=st.integers(1, 2000))
def test_shard_exceeds_a_bound_only_with_one_row(files, rows_max, bytes_max):
    for shard in plan_shards(files, rows_max=rows_max, bytes_max=bytes_max):
        f = files[shard.file]
        sizes = bytes_of_rows(f)[shard.first_row : shard.first_row + shard.rows]
        assert shard.rows <= rows_max
        assert shard.rows <= 1 or sum(sizes) <= bytes_max


@given(files=FILES, rows_max=BOUND, bytes_max=st.integers(1, 2000))
def test_a_row_group_that_fits_is_not_torn(files, rows_max, bytes_max):
    shards = plan_shards(files, rows_max=rows_max, bytes_max=bytes_max)
    for index, f in enumerate(files):
        cuts = {shard.first_row for shard in shards if shard.file == index}
        first = 0
        for group in f.row_groups:
            fits = group.rows <= rows_max and group.size_bytes <= bytes_max and group.rows > 0
            small = group.rows <= bytes_max  # a row of less than a byte counts as one
            if fits and small:
                assert not cuts & set(range(first + 1, first + group.rows))
            first += group.rows


def test_neighbouring_small_groups_share_a_shard() -> None:
    shards = plan_shards([file("a", (3, 30), (3, 30), (0, 0), (3, 30))], rows_max=6)
    assert [(shard.first_row, shard.rows) for shard in shards] == [(0, 6), (6, 3)]


def test_groups_share_a_shard_while_their_bytes_fit():
    shards = plan_shards([file("a", *[(3, 40)] * 6)], bytes_max=100)
    assert [shard.rows for shard in shards] == [6, 6, 6]


def test_a_row_wider_than_the_bound_stands_alone() -> None:
    shards = plan_shards([file("a", (2, 10), (1, 5_000), (2, 10))], bytes_max=100)
    assert [(shard.first_row, shard.rows) for shard in shards] == [(0, 2), (2, 1), (3, 2)]


def test_parts_mirror_the_inputs_folders_and_names() -> None:
    files = [
        file("tickets", (5, 50)),
        file("tickets", (2, 20), folder="ds=2026-01-01/"),
        file("empty", folder="ds=2026-01-01/eu/"),
    ]
    assert [shard.visible_name for shard in plan_shards(files, rows_max=3)] == [
        "tickets-00000.parquet",
        "tickets-00001.parquet",
        "ds=2026-01-01/tickets-00000.parquet",
        "ds=2026-01-01/eu/empty-00000.parquet",
    ]


@given(files=FILES, rows_max=BOUND)
def test_no_two_parts_share_a_name(files, rows_max):
    names = [shard.visible_name for shard in plan_shards(files, rows_max=rows_max)]
    assert len(set(names)) == len(names)


def test_two_files_that_would_become_one_are_refused() -> None:
    files = [file("a", (1, 1)), file("b", (1, 1)), file("a", (1, 1))]
    with pytest.raises(InputUnreadable, match=r"^Rename .*a-00000\.parquet"):
        plan_shards(files)


def test_the_same_name_in_two_folders_is_no_collision() -> None:
    assert len(plan_shards([file("a", (1, 1)), file("a", (1, 1), folder="x/")])) == 2


def test_no_files_make_no_shards() -> None:
    assert plan_shards([]) == ()


SHARDS = st.lists(
    st.builds(
        Shard,
        part=st.just(0),
        file=st.integers(0, 10**6),
        first_row=st.integers(0, 10**12),
        rows=st.integers(0, 8192),
        visible_name=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1).filter(
            is_object_name
        ),
    ),
    max_size=5,
).map(lambda shards: tuple(replace(shard, part=part) for part, shard in enumerate(shards)))


@given(shards=SHARDS)
def test_a_plan_is_read_back_as_it_was_written(shards):
    plan = Plan(run_key=RUN_KEY, shards=shards)
    assert decode_plan(encode_plan(plan, b'{"prompt":"x"}'), run_key=RUN_KEY) == plan


def test_stored_plan_contains_its_keys_ingredients() -> None:
    plan = Plan(run_key=RUN_KEY, shards=plan_shards([file("a", (5, 5))]))
    stored = json.loads(encode_plan(plan, b'{"prompt":"{body}","limit_rows":null}'))
    assert stored["made_of"] == {"prompt": "{body}", "limit_rows": None}
    assert plan.rows == 5


def test_another_runs_plan_is_refused() -> None:
    data = encode_plan(Plan(run_key="f" * 32, shards=()), b"{}")
    with pytest.raises(JournalUnreadable, match=f"{RUN_KEY} names another run"):
        decode_plan(data, run_key=RUN_KEY)


WHOLE = encode_plan(
    Plan(run_key=RUN_KEY, shards=plan_shards([file("a", (9, 9))], rows_max=2)), b"{}"
)


@given(length=st.integers(0, len(WHOLE) - 1))
def test_a_cut_plan_is_refused(length):
    with pytest.raises(JournalUnreadable, match=RUN_KEY):
        decode_plan(WHOLE[:length], run_key=RUN_KEY)


@given(data=st.binary(max_size=100) | st.text().map(str.encode))
def test_what_is_no_plan_is_refused(data):
    with pytest.raises(JournalUnreadable, match=RUN_KEY):
        decode_plan(data, run_key=RUN_KEY)


@given(place=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_damaged_plan_is_plan_or_refused_and_nothing_else(place, byte):
    assume(WHOLE[place] != byte)
    damaged = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    try:
        plan = decode_plan(damaged, run_key=RUN_KEY)
    except JournalUnreadable:
        return
    assert plan.run_key == RUN_KEY


def shards_of(*rows: int) -> tuple[Shard, ...]:
    return tuple(
        Shard(part=part, file=part, first_row=0, rows=count, visible_name=f"{part}.parquet")
        for part, count in enumerate(rows)
    )


@pytest.mark.parametrize(
    ("rows", "workers", "firsts"),
    [
        ((10,) * 16, 4, (0, 4, 8, 12)),
        ((10,) * 3, 8, (0, 1, 2)),
        ((10,), 4, (0,)),
        ((1, 1, 1, 100), 4, (0, 3)),
        ((100, 1, 1, 1), 4, (0, 1, 2, 3)),
        ((14, 0, 6), 3, (0, 2)),
        ((0, 0), 2, (0,)),
        ((10,) * 16, 1, (0,)),
    ],
)
def test_shares_are_ranges_of_parts_with_about_same_rows(
    rows: tuple[int, ...], workers: int, firsts: tuple[int, ...]
) -> None:
    assert split_shares(shards_of(*rows), workers) == firsts


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(1, 12))
def test_each_part_is_in_one_share_with_rows(rows: list[int], workers: int) -> None:
    shards = shards_of(*rows)
    plan = Plan(run_key=RUN_KEY, shards=shards, shares=split_shares(shards, workers))
    shares = [plan.of_share(share) for share in range(len(plan.shares))]
    assert len(shares) <= workers
    assert tuple(shard for share in shares for shard in share.shards) == shards
    assert all(share.rows for share in shares) or sum(rows) == 0


def test_plan_reads_back_with_its_shares() -> None:
    """A plan without shares is one share."""
    shards = shards_of(5, 6, 7)
    plan = Plan(run_key=RUN_KEY, shards=shards, shares=(0, 2))
    assert decode_plan(encode_plan(plan, b"{}"), run_key=RUN_KEY) == plan
    alone = encode_plan(Plan(run_key=RUN_KEY, shards=shards), b"{}")
    assert b"shares" not in alone
    assert decode_plan(alone, run_key=RUN_KEY).shares == (0,)


@pytest.mark.parametrize("shares", [(), (1,), (0, 0), (0, 2, 1), (0, 3)])
def test_a_plan_that_is_divided_wrongly_is_not_used(shares: tuple[int, ...]) -> None:
    stored = encode_plan(Plan(run_key=RUN_KEY, shards=shards_of(5, 6, 7), shares=shares), b"{}")
    with pytest.raises(JournalUnreadable, match=r"divides|not what a run writes"):
        decode_plan(stored, run_key=RUN_KEY)


def test_a_share_that_is_not_there_is_told_of() -> None:
    plan = Plan(run_key=RUN_KEY, shards=shards_of(5, 6), shares=(0, 1))
    for share in (-1, 2):
        with pytest.raises(InvalidSpec, match="2 share"):
            plan.of_share(share)


@pytest.mark.parametrize(
    ("rows", "workers", "rows_max"),
    [(100_000, 1, 8192), (1_000_000, 4, 8192), (10_000, 4, 625), (100, 4, 256), (0, 2, 256)],
)
def test_shards_shrink_for_workers_to_their_calls_in_flight(
    rows: int, workers: int, rows_max: int
) -> None:
    assert shard_rows_max(rows, workers) == rows_max
