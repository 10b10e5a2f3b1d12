from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from airflow_provider_aimlapi.core.calls.completion import (
    STATUSES,
    Outcome,
    repeated,
    reused_outcome,
)
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.manifest import (
    Manifest,
    PartEntry,
    Tally,
    decode_manifest,
    encode_manifest,
    manifest_of,
    tally_of,
)
from airflow_provider_aimlapi.core.durable.plan import Plan, Shard, manifest_bytes_max
from airflow_provider_aimlapi.errors import JournalUnreadable

RUN_KEY = "0123456789abcdef" * 2
COUNT = st.integers(0, 10**9)
OUTCOMES = st.lists(
    st.builds(
        Outcome,
        row=COUNT,
        status=st.sampled_from(STATUSES),
        prompt_tokens=st.none() | COUNT,
        completion_tokens=st.none() | COUNT,
        cached_tokens=st.none() | COUNT,
        cost_nano_usd=st.none() | COUNT,
    ),
    max_size=10,
)


def possible(tally: Tally) -> Tally:
    """A part has no more answers from elsewhere than answers, nor more reads or unknown costs than paid."""
    tally = replace(tally, reused_answers=min(tally.reused_answers, tally.ok))
    most = tally.completed_rows - tally.reused_answers
    tally = replace(tally, duplicates=min(tally.duplicates, most))
    tally = replace(tally, repaired=min(tally.repaired, tally.rows))
    reads = min(tally.cache_reads, tally.cached_tokens, tally.paid_answers)
    tally = replace(tally, cache_reads=reads)
    return replace(tally, rows_without_cost=min(tally.rows_without_cost, tally.paid_answers))


TALLIES = st.builds(
    Tally,
    **dict.fromkeys(Tally.__struct_fields__, COUNT),
).map(possible)
ENTRIES = st.lists(TALLIES, max_size=5).map(
    lambda tallies: [entry(part, tally) for part, tally in enumerate(tallies)]
)


def entry(part: int, tally: Tally) -> PartEntry:
    return PartEntry(
        part=part,
        staged_name=f"_aimlapi/{RUN_KEY}/parts/part-{part:05d}.parquet",
        visible_name=f"ds=1/a-{part:05d}.parquet",
        sha256="ab" * 32,
        size_bytes=100,
        tally=tally,
    )


def plan_of(manifest: Manifest) -> Plan:
    """A plan that these parts are the parts of."""
    shards = tuple(
        Shard(
            part=one.part,
            file=0,
            first_row=0,
            rows=one.tally.rows,
            visible_name=one.visible_name,
        )
        for one in manifest.parts
    )
    return Plan(run_key=RUN_KEY, shards=shards)


def test_outcomes_are_counted_by_status() -> None:
    outcomes = [
        Outcome(row=0, status="ok", prompt_tokens=10, completion_tokens=3, cost_nano_usd=5),
        Outcome(row=1, status="ok", prompt_tokens=20, cached_tokens=8, cost_nano_usd=0),
        Outcome(row=2, status="truncated", completion_tokens=7, cost_nano_usd=None),
        Outcome(row=3, status="refused", cost_nano_usd=4),
        Outcome(row=4, status="rejected"),
        Outcome(row=5, status="skipped"),
    ]
    assert tally_of(outcomes) == Tally(
        ok=2,
        truncated=1,
        refused=1,
        rejected=1,
        skipped=1,
        prompt_tokens=30,
        completion_tokens=10,
        cached_tokens=8,
        cache_reads=1,
        cost_nano_usd=9,
        rows_without_cost=1,
    )


@given(outcomes=OUTCOMES)
def test_every_outcome_is_counted_once(outcomes):
    tally = tally_of(outcomes)
    assert tally.rows == len(outcomes)
    assert tally.completed_rows == tally.rows - tally.rejected - tally.skipped
    assert tally.rows_without_cost <= tally.completed_rows


def test_reused_answer_counts_no_tokens_and_no_cost() -> None:
    answer = Outcome(row=0, status="ok", prompt_tokens=10, cached_tokens=8, cost_nano_usd=5)
    outcomes = [answer, reused_outcome(answer, run_key=RUN_KEY, row=1)]
    assert tally_of(outcomes) == Tally(
        ok=2,
        prompt_tokens=10,
        cached_tokens=8,
        cache_reads=1,
        cost_nano_usd=5,
        reused_answers=1,
        saved_nano_usd=5,
    )
    assert tally_of(outcomes).paid_answers == 1


def test_writes_and_reads_of_the_cache_are_counted() -> None:
    outcomes = [
        Outcome(row=0, status="ok", cached_tokens=0, cache_write_tokens=2_000),
        Outcome(row=1, status="ok", cached_tokens=2_000, cache_write_tokens=0),
        Outcome(row=2, status="ok", cached_tokens=2_000, cache_write_tokens=40),
        Outcome(row=3, status="rejected"),
    ]
    tally = tally_of(outcomes)
    assert (tally.cached_tokens, tally.cache_write_tokens, tally.cache_reads) == (4_000, 2_040, 2)
    assert tally.cache_hit_rate == pytest.approx(2 / 3)
    assert Tally().cache_hit_rate == 0.0


def test_more_reads_than_paid_answers_are_no_tally() -> None:
    assert Tally(ok=1, cached_tokens=9, cache_reads=1).is_of(1)
    assert not Tally(ok=1, cached_tokens=9, cache_reads=2).is_of(1)
    assert not Tally(ok=1, cache_reads=1).is_of(1)


def test_duplicate_counts_no_tokens_and_no_cost() -> None:
    answer = Outcome(row=0, status="ok", prompt_tokens=10, cached_tokens=8, cost_nano_usd=5)
    refusal = Outcome(row=1, status="rejected")
    copies = [repeated(answer, part=0, row=2), repeated(refusal, part=0, row=3)]
    assert tally_of([answer, refusal, *copies]) == Tally(
        ok=2,
        rejected=2,
        prompt_tokens=10,
        cached_tokens=8,
        cache_reads=1,
        cost_nano_usd=5,
        duplicates=1,
        saved_nano_usd=5,
    )
    assert tally_of([answer, *copies]).paid_answers == 1


def test_more_duplicates_than_answers_are_no_tally() -> None:
    assert Tally(ok=1, truncated=1, duplicates=1).is_of(2)
    assert not Tally(ok=1, rejected=1, duplicates=2).is_of(2)
    assert not Tally(ok=1, reused_answers=1, duplicates=1).is_of(1)


def test_more_reused_answers_than_answers_are_no_tally() -> None:
    assert Tally(ok=1, reused_answers=1).is_of(1)
    assert not Tally(ok=1, reused_answers=2).is_of(1)
    assert not Tally(ok=1, reused_answers=1, rows_without_cost=1).is_of(1)


@given(one=OUTCOMES, other=OUTCOMES)
def test_tally_of_parts_is_the_tally_of_the_whole(one, other):
    assert tally_of(one) + tally_of(other) == tally_of(one + other)


@given(entries=ENTRIES, data=st.data())
def test_manifest_reads_back_whatever_order_in_which_parts_came(entries, data):
    manifest = manifest_of(RUN_KEY, data.draw(st.permutations(entries)))
    assert [part.part for part in manifest.parts] == list(range(len(entries)))
    assert manifest.tally.rows == sum(part.tally.rows for part in entries)
    assert decode_manifest(encode_manifest(manifest), plan_of(manifest)) == manifest


def test_a_manifest_names_what_plain_readers_see() -> None:
    manifest = manifest_of(RUN_KEY, [entry(1, Tally()), entry(0, Tally(ok=1))])
    assert manifest.visible_names() == {"ds=1/a-00000.parquet", "ds=1/a-00001.parquet"}


def test_a_manifest_is_json_that_people_can_read() -> None:
    data = encode_manifest(manifest_of(RUN_KEY, [entry(0, Tally(ok=2, cost_nano_usd=7))]))
    assert json.loads(data)["tally"]["ok"] == 2
    assert data.count(b"\n") > 10


def test_another_runs_manifest_is_refused() -> None:
    data = encode_manifest(manifest_of("f" * 32, []))
    with pytest.raises(JournalUnreadable, match=RUN_KEY):
        decode_manifest(data, Plan(run_key=RUN_KEY, shards=()))


TWO_PARTS = manifest_of(
    RUN_KEY, [entry(0, Tally(ok=3, cost_nano_usd=9)), entry(1, Tally(ok=1, skipped=1))]
)


@pytest.mark.parametrize("field", Tally.__struct_fields__)
def test_a_sum_that_does_not_add_up_is_refused(field: str) -> None:
    wrong = Tally(**{field: getattr(TWO_PARTS.tally, field) + 1})
    manifest = Manifest(run_key=RUN_KEY, tally=wrong, parts=TWO_PARTS.parts)
    with pytest.raises(JournalUnreadable, match="add up"):
        decode_manifest(encode_manifest(manifest), plan_of(manifest))


def test_a_manifest_that_lost_a_part_is_refused() -> None:
    manifest = manifest_of(RUN_KEY, TWO_PARTS.parts[:1])
    with pytest.raises(JournalUnreadable, match="other parts than its plan"):
        decode_manifest(encode_manifest(manifest), TWO_SHARDS)
    manifest = Manifest(run_key=RUN_KEY, tally=TWO_PARTS.tally, parts=TWO_PARTS.parts[:1])
    with pytest.raises(JournalUnreadable, match="add up"):
        decode_manifest(encode_manifest(manifest), TWO_SHARDS)


WHOLE = encode_manifest(TWO_PARTS)
TWO_SHARDS = plan_of(TWO_PARTS)


def test_a_cut_manifest_is_refused() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(JournalUnreadable, match=RUN_KEY):
            decode_manifest(WHOLE[:length], TWO_SHARDS)


@given(data=st.binary(max_size=60) | st.text().map(lambda text: text.encode("utf-8", "replace")))
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(JournalUnreadable, match=RUN_KEY):
        decode_manifest(data, TWO_SHARDS)


@given(place=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_a_damaged_manifest_keeps_its_sums_or_is_refused(place: int, byte: int) -> None:
    damaged = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    try:
        manifest = decode_manifest(damaged, TWO_SHARDS)
    except JournalUnreadable:
        return
    assert manifest.run_key == RUN_KEY
    assert manifest.tally.rows == sum(part.tally.rows for part in manifest.parts)


def test_outcome_without_cost_is_unknown_only_if_answered() -> None:
    asked = Outcome(row=0, status="ok", cost_nano_usd=None)
    statuses = {status: tally_of([replace(asked, status=status)]) for status in STATUSES}
    unknown = {status for status, tally in statuses.items() if tally.rows_without_cost}
    assert unknown == {"ok", "truncated", "refused", "invalid"}


def test_largest_manifest_fits_its_limit() -> None:
    most = Tally(**dict.fromkeys(Tally.__struct_fields__, 2**62))
    name = '"é' * 500
    parts = [
        PartEntry(
            part=999_999_999,
            staged_name=RunNames(run_key=RUN_KEY).part_name(999_999_999, 99_999_999),
            visible_name=name,
            sha256="ab" * 32,
            size_bytes=2**62,
            tally=most,
        )
    ] * 50
    manifest = Manifest(run_key=RUN_KEY, tally=most, parts=tuple(parts))
    assert len(encode_manifest(manifest)) <= manifest_bytes_max(plan_of(manifest))
