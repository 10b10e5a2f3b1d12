"""The two columns of a run: what is written of an outcome is read back."""

from __future__ import annotations

from typing import get_args

import msgspec
import pyarrow as pa
import pytest

from airflow_provider_aimlapi.core.calls.completion import (
    Outcome,
    Status,
    reused_outcome,
    skipped_outcome,
)
from airflow_provider_aimlapi.storage.parts.outcome_columns import INFO_TYPE, OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_footer import READING_ERRORS
from tests.fakes.outcomes import FULL

COLUMNS = OutcomeColumns("summary")


def table_of(*outcomes: Outcome) -> pa.Table:
    return pa.Table.from_arrays(
        COLUMNS.arrays_of_outcomes(outcomes), schema=pa.schema(COLUMNS.arrow_fields())
    )


def test_fields_are_named_after_the_output_column() -> None:
    assert COLUMNS.column_names == ("summary", "summary_info")
    assert tuple(field.name for field in COLUMNS.arrow_fields()) == COLUMNS.column_names


def test_outcomes_are_read_as_they_were_written() -> None:
    outcomes = [FULL, skipped_outcome("column 'body' is null", row=1)]
    assert COLUMNS.read_outcomes(table_of(*outcomes), characters_max=10_000) == outcomes


@pytest.mark.parametrize("status", get_args(Status))
def test_each_status_is_read_back(status: Status) -> None:
    outcome = msgspec.structs.replace(FULL, status=status)
    assert COLUMNS.read_outcomes(table_of(outcome), characters_max=10_000) == [outcome]


def test_reused_answer_is_read_back() -> None:
    answer = msgspec.structs.replace(FULL, status="ok")
    outcome = reused_outcome(answer, run_key="ab" * 16, row=0)
    assert outcome.saved_nano_usd == FULL.cost_nano_usd
    assert COLUMNS.read_outcomes(table_of(outcome), characters_max=10_000) == [outcome]


@pytest.mark.parametrize("usd", [float("nan"), float("inf")])
def test_amount_that_is_no_number_is_refused(usd: float) -> None:
    info = table_of(FULL).column("summary_info").combine_chunks()
    fields = {field.name: info.field(field.name) for field in INFO_TYPE}
    fields["saved_usd"] = pa.array([usd])
    damaged = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    table = pa.table({"summary": [FULL.text], "summary_info": damaged})
    with pytest.raises(READING_ERRORS):
        COLUMNS.read_outcomes(table, characters_max=10_000)


def test_equal_texts_of_a_dictionary_are_one_object() -> None:
    table = table_of(FULL, msgspec.structs.replace(FULL, row=1))
    encoded = table.set_column(0, "summary", table.column("summary").dictionary_encode())
    first, second = COLUMNS.read_outcomes(encoded, characters_max=10_000)
    assert first.text == FULL.text
    assert first.text is second.text


def test_only_rejected_rows_have_a_rejected_cost() -> None:
    rejected = msgspec.structs.replace(FULL, row=1, status="rejected")
    free = msgspec.structs.replace(rejected, row=2, cost_nano_usd=None)
    assert COLUMNS.read_rejected_costs(table_of(FULL, rejected, free)) == {1: 1_234_567, 2: 0}


def test_leaves_name_each_field_of_the_info_column() -> None:
    infos = {f"summary_info.{field.name}" for field in INFO_TYPE}
    assert {leaf.path for leaf in COLUMNS.leaf_columns()} == {"summary", *infos}
    costs = {leaf.path for leaf in COLUMNS.cost_leaves()}
    assert costs == {"summary_info.status", "summary_info.cost_usd"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("prompt_tokens", -1),
        ("cached_tokens", 2**62 + 1),
        ("attempts", None),
        ("cost_usd", -0.5),
        ("reused_from", "another run"),
        ("saved_usd", 5e9),
    ],
)
def test_value_that_no_run_writes_is_refused(name: str, value: object) -> None:
    info = table_of(FULL).column("summary_info").combine_chunks()
    fields = {field.name: info.field(field.name) for field in INFO_TYPE}
    fields[name] = pa.array([value], INFO_TYPE.field(name).type)
    damaged = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    table = pa.table({"summary": [FULL.text], "summary_info": damaged})
    with pytest.raises(msgspec.ValidationError):
        COLUMNS.read_outcomes(table, characters_max=10_000)
