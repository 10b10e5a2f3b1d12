"""The whole way of a typed answer: schema, request, answer, check, Arrow, Parquet, and back."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as pq

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.api.messages.wire import RequestEncoder, decode_answer
from airflow_provider_aimlapi.core.answers.answer_text import with_answer_text
from airflow_provider_aimlapi.core.answers.schema import answer_schema
from airflow_provider_aimlapi.core.answers.typed_completions import as_typed_answer
from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.core.calls.answer_form import forms_of
from airflow_provider_aimlapi.core.calls.completion import CallRecord, accepted_outcome
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from tests.fakes.typed_schemas import Schema, alike, cases

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.completion import Outcome

FORCED, FORMAT, INSTRUCTED = (
    "anthropic/claude-sonnet-4-6-20260218",
    "anthropic/claude-sonnet-4.6",
    "anthropic/claude-sonnet-5-5",
)
MODELS = st.sampled_from([FORCED, FORMAT, INSTRUCTED])
"""One for each form of requests."""
CALL = CallRecord(row=0, attempts=1, request_hash="0" * 64, completed_at_us=1)


def requested_schema(model: str, schema: bytes) -> Any:
    """Return the schema that the API reads in the best form of a request."""
    spec = CompletionSpec(model=model, max_tokens=100)
    body = json.loads(
        RequestEncoder(spec, form=forms_of(spec, schema)[0]).encode_request(message_of("Hi", None))
    )
    if model == FORCED:
        return body["tools"][0]["input_schema"]
    if model == FORMAT:
        return body["response_format"]["json_schema"]["schema"]
    text = body.get("system") or body["messages"][0]["content"]
    return json.loads(text[text.index("{") :])


def answered(model: str, text: str) -> bytes:
    """Return an answer of the API that holds a text in the form that was requested."""
    message: dict[str, Any] = {"content": f"```json\n{text}\n```"}
    if model == FORMAT:
        message = {"content": text}
    elif model == FORCED:
        function = {"name": "record", "arguments": text}
        message = {"content": "", "tool_calls": [{"id": "1", "function": function}]}
    return json.dumps({"choices": [{"message": message, "finish_reason": "end_turn"}]}).encode()


def outcome_of(model: str, schema: Schema, value: Any) -> Outcome:
    """Return what a row's answer comes to, after its columns were written and read back."""
    read = answer_schema(schema)
    validator = AnswerValidator(answer_schema(requested_schema(model, read.canonical_json)))
    assert validator.schema == read
    answer = Answer(
        status=200, content_type="application/json", body=answered(model, json.dumps(value))
    )
    completion = with_answer_text(decode_answer(answer))
    outcome = accepted_outcome(
        as_typed_answer(completion, validator.check_answer(completion.text, {})), CALL
    )
    columns = OutcomeColumns("completion", read.kind)
    table = pa.Table.from_arrays(
        columns.arrays_of_outcomes([outcome]), schema=pa.schema(columns.arrow_fields())
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    leaves = columns.leaf_columns()
    dictionaries = [leaf.path for leaf in leaves if leaf.is_text]
    group = pq.ParquetFile(sink, read_dictionary=dictionaries).read_row_group(
        0, [leaf.path for leaf in leaves]
    )
    (found,) = columns.read_outcomes(group, characters_max=1_000_000)
    return found


@given(model=MODELS, case=cases())
def test_a_valid_value_of_any_schema_returns(model: str, case: tuple[Schema, list[Any]]) -> None:
    schema, values = case
    found = outcome_of(model, schema, values[0])
    assert found.status == "ok"
    assert alike(json.loads(found.text or ""), values[0])


@given(model=MODELS, case=cases(), data=st.data())
def test_an_invalid_value_never_ends_as_ok(
    model: str, case: tuple[Schema, list[Any]], data: st.DataObject
) -> None:
    schema, values = case
    found = outcome_of(model, schema, data.draw(spoiled(schema, values[0])))
    assert (found.status, found.text) == ("invalid", None)


@st.composite
def spoiled(draw: st.DrawFn, schema: Schema, value: dict[str, Any]) -> Any:
    """Return the value with one fault: a field too many, too few or of another type, or no object."""
    faults: list[Any] = [value | {"unknown field": 1}, [value], "no object", 1, None]
    faults += [{k: v for k, v in value.items() if k != name} for name in schema["required"]]
    kinds = {one.name: one.kind for one in answer_schema(schema).properties}
    for name in value:
        is_number = kinds[name].name in ("integer", "number")
        faults.append(value | {name: "½" if is_number else 0.5})
        if not kinds[name].is_nullable:
            faults.append(value | {name: None})
    return draw(st.sampled_from(faults))
