from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.durable.keys import (
    RunNames,
    client_request_id,
    parse_lease_name,
    parse_manifest_name,
    parse_part_name,
    parse_segment_name,
    request_hash,
    run_key_of,
)

SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
FINITE = SCALAR.filter(lambda value: value not in (float("inf"), float("-inf")))
JSON = st.recursive(
    FINITE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
INGREDIENTS = st.dictionaries(st.sampled_from("abcdef"), JSON, min_size=1)
RUN_KEY = st.text(alphabet="0123456789abcdef", min_size=32, max_size=32)
SIZE = st.integers(min_value=0, max_value=2**63 - 1)
PART = st.integers(0, 999_999_999)
EPOCH = st.integers(1, 99_999_999)


def backwards(value: Any) -> Any:
    """The same JSON, each object's keys written in the other order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [backwards(part) for part in value]
    return value


@given(ingredients=INGREDIENTS)
def test_the_order_of_keys_does_not_make_another_run(ingredients):
    assert run_key_of(backwards(ingredients)) == run_key_of(ingredients)


@given(ingredients=INGREDIENTS)
def test_a_run_key_is_32_hex_digits(ingredients):
    assert re.fullmatch(r"[0-9a-f]{32}", run_key_of(ingredients))


@given(ingredients=INGREDIENTS, data=st.data())
def test_every_field_makes_another_run(ingredients, data):
    name = data.draw(st.sampled_from(sorted(ingredients)))
    value = data.draw(JSON.filter(lambda value: value != ingredients[name]))
    without = {key: value for key, value in ingredients.items() if key != name}
    assert run_key_of({**ingredients, name: value}) != run_key_of(ingredients)
    assert run_key_of(without) != run_key_of(ingredients)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [2, 1]),
        ([["a", 1], ["b", 2]], [["b", 2], ["a", 1]]),
        ([1], 1),
        (1, "1"),
        (1, True),
        (0, None),
        (1, 1.5),
        ("", None),
        ({}, []),
        ({"a": 1}, {"a": 1, "b": None}),
        ("e\u0301", "é"),
        ("a", "a "),
        (["ab", "c"], ["a", "bc"]),
    ],
)
def test_what_looks_alike_is_still_another_run(one, other):
    assert run_key_of({"field": one}) != run_key_of({"field": other})


def test_the_key_of_a_run_stays_what_it_was() -> None:
    """A new release takes up the runs of an old one: a changed key means a changed protocol."""
    ingredients: Any = {
        "inputs": [["s3://lake/a.parquet", "v1", 10, 2]],
        "prompt": "{ä}",
        "limit": None,
    }
    canonical = (
        b'{"inputs":[["s3://lake/a.parquet","v1",10,2]],"limit":null,"prompt":"{\\u00e4}",'
        b'"protocol":1}'
    )
    assert run_key_of(ingredients) == hashlib.sha256(canonical).hexdigest()[:32]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_makes_no_key(value):
    with pytest.raises(ValueError, match="JSON"):
        run_key_of({"temperature": value})


def test_a_requests_hash_is_the_sha256_of_its_bytes() -> None:
    assert request_hash(b"{}") == hashlib.sha256(b"{}").hexdigest()
    assert request_hash(b"{}") != request_hash(b"{} ")


@given(run_key=RUN_KEY, part=SIZE, row=SIZE, attempt=SIZE)
def test_a_request_id_is_one_that_the_api_keeps(run_key, part, row, attempt):
    name = client_request_id(run_key, part, row, attempt)
    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", name)
    assert name.split(":") == [run_key, str(part), str(row), str(attempt)]


@given(run_key=RUN_KEY, part=PART, epoch=EPOCH, sequence=EPOCH)
def test_names_parse_back(run_key, part, epoch, sequence):
    names = RunNames(run_key=run_key)
    assert parse_manifest_name(names.manifest_name) == run_key
    assert parse_lease_name(names.lease_name(epoch)) == epoch
    assert parse_part_name(names.part_name(part)) == (part, 0)
    assert parse_part_name(names.part_name(part, epoch)) == (part, epoch)
    segment = names.segment_name(part, epoch, sequence)
    assert parse_segment_name(segment) == (part, epoch, sequence, sequence)
    assert names.segment_name(part, epoch, sequence, sequence) == segment
    merged = names.segment_name(part, epoch, sequence - 1, sequence)
    assert parse_segment_name(merged) == (part, epoch, sequence - 1, sequence)


@given(run_key=RUN_KEY, part=PART, epoch=EPOCH, sequence=EPOCH)
def test_a_name_parses_as_nothing_else(run_key, part, epoch, sequence):
    names = RunNames(run_key=run_key)
    written = {
        parse_manifest_name: names.manifest_name,
        parse_lease_name: names.lease_name(epoch),
        parse_part_name: names.part_name(part),
        parse_segment_name: names.segment_name(part, epoch, sequence),
    }
    for parse in written:
        others = [name for parser, name in written.items() if parser is not parse]
        others += [names.plan_name, names.run_folder, names.heartbeat_name(epoch)]
        assert [parse(name) for name in others] == [None] * 6


@given(run_key=RUN_KEY, part=PART, epoch=EPOCH, sequence=EPOCH)
def test_listing_a_prefix_finds_what_belongs_there(run_key, part, epoch, sequence):
    names = RunNames(run_key=run_key)
    assert names.lease_name(epoch).startswith(names.lease_prefix)
    assert names.part_name(part).startswith(names.parts_prefix)
    assert names.segment_name(part, epoch, sequence).startswith(names.journal_prefix)
    everything = (
        *(
            names.plan_name,
            names.manifest_name,
            names.lease_prefix,
            names.parts_prefix,
            names.journal_prefix,
        ),
        *(replace(names, share=part).progress_name, replace(names, share=part).report_name),
        names.heartbeat_name(epoch),
    )
    assert all(name.startswith(f"{names.run_folder}/") for name in everything)


@given(epochs=st.lists(st.integers(0, 10**8 - 1), max_size=5))
def test_leases_sort_by_epoch(epochs):
    names = RunNames(run_key="0" * 32)
    assert sorted(names.lease_name(epoch) for epoch in epochs) == [
        names.lease_name(epoch) for epoch in sorted(epochs)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "_aimlapi/xyz/manifest.json",
        f"_aimlapi/{'a' * 31}/manifest.json",
        f"_aimlapi/{'A' * 32}/manifest.json",
        f"_aimlapi/{'a' * 32}/manifest.json.tmp",
        f"_aimlapi/{'a' * 32}/manifest.json\n",
        f"old/_aimlapi/{'a' * 32}/manifest.json",
        f"_aimlapi/{'a' * 32}/lease/",
        f"_aimlapi/{'a' * 32}/lease/0000007",
        f"_aimlapi/{'a' * 32}/lease/00000007.tmp",
        f"_aimlapi/{'a' * 32}/lease/00000000",
        f"_aimlapi/{'a' * 32}/lease/000000007",
        f"_aimlapi/{'a' * 32}/lease/{'9' * 500}",
        f"_aimlapi/{'a' * 32}/other/lease/00000007",
        f"_aimlapi/{'a' * 32}/parts/part-000001.parquet",
        f"_aimlapi/{'a' * 32}/parts/part-{'9' * 500}.parquet",
        f"_aimlapi/{'a' * 32}/parts/part-00001-00000000.parquet",
        f"_aimlapi/{'a' * 32}/parts/parts/part-00001.parquet",
        f"_aimlapi/{'a' * 32}/journal/000001/00000001-00000001",
        f"_aimlapi/{'a' * 32}/journal/00001/00000000-00000001",
        f"_aimlapi/{'a' * 32}/journal/00001/00000001-{'9' * 500}",
        f"_aimlapi/{'a' * 32}/lease/00000007\n",
        f"_aimlapi/{'a' * 32}/lease/٠٠٠٠٠٠٠٧",
        f"_aimlapi/{'a' * 32}/parts/part-00001.parquet.crc",
        f"_aimlapi/{'a' * 32}/parts/part-1.parquet",
        f"_aimlapi/{'a' * 32}/parts/part-00001.parquet\n",
        f"_aimlapi/{'a' * 32}/parts/part-٠٠٠٠١.parquet",
        f"_aimlapi/{'a' * 32}/journal/00001/00000001",
        f"_aimlapi/{'a' * 32}/journal/00001/00000001-00000001.tmp",
        f"_aimlapi/{'a' * 32}/journal/00001/00000001-00000001\n",
        f"_aimlapi/{'a' * 32}/journal/00001/00000001-00000001-00000001",
        f"_aimlapi/{'a' * 32}/journal/00001/00000001-00000002-00000001",
        f"_aimlapi/{'a' * 32}/journal/00001/00000001-00000001-00000002-00000003",
    ],
)
def test_any_other_name_is_no_name_of_ours(name):
    parsers = (parse_manifest_name, parse_lease_name, parse_part_name, parse_segment_name)
    assert [parse(name) for parse in parsers] == [None] * 4
