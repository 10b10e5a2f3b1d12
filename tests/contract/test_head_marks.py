"""A marked request is what the API accepts, says the same, and has a mark on constant text only."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.answer_form import FREE, forms_of
from airflow_provider_aimlapi.core.calls.message import ExampleTurn, Message
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.prompts.template import parse_template, shapes_of
from tests.contract.dialects import SCHEMAS
from tests.contract.marked import CAPTIVE_TEXTS, marked_schema, marks_in, without_marks
from tests.contract.published import SONNET_5, complaints, request_validator

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = b'{"type":"object","properties":{"zip":{"type":"string"}},"additionalProperties":false}'
PROMPTS = {
    "{body}\nSort this.": "",
    'Sort "this" }]}:\n{body} \\ and {body}.': 'Sort "this" }]}:\n',
    "Always the same.": "Always the same.",
}
SYSTEMS: dict[str | None, str] = {
    None: "",
    'Be "brief".': 'Be "brief".',
    'Answer in {body}, "please".': "Answer in ",
    "{body} is your language.": "",
}
"""Templates, and the constant text at their beginning."""
EXAMPLES = (ExampleTurn("Sort this: a", '{"zip": "b"}'), ExampleTurn("Sort this: c", "d"))


class Case(NamedTuple):
    """A request's constant parts, and the texts that may be under the mark."""

    encoder: RequestEncoder
    prompt: str
    system: str | None
    heads: frozenset[str]

    def bodies(self, row: str) -> tuple[bytes, bytes | None]:
        """Return the request of a row without and with a mark."""
        prompt, system = (
            None if text is None else parse_template(text, columns=shapes_of(["body"]), argument="")
            for text in (self.prompt, self.system)
        )
        assert prompt is not None
        message = Message(
            prompt.filler_for(["body"])([row]),
            system.filler_for(["body"])([row]) if system else None,
        )
        body, mark = self.encoder.encode_request(message), self.encoder.head_mark(prompt, system)
        return body, mark.mark(body) if mark is not None else None


def cases(model: str) -> Iterator[Case]:
    """Yield each combination of form, examples, system text and prompt."""
    spec = CompletionSpec(model=model, max_tokens=64)
    forms = (FREE, *forms_of(spec, SCHEMA))
    for form, examples, prompt, system in product(forms, ((), EXAMPLES), PROMPTS, SYSTEMS):
        heads = {PROMPTS[prompt], SYSTEMS[system], "record"}
        heads |= {f"{SYSTEMS[system]}\n\n{form.instruction}", form.instruction}
        heads |= {one.answer for one in examples}
        encoder = RequestEncoder(spec, examples, form)
        yield Case(encoder, prompt, system, frozenset(heads - {""}))


def check(case: Case, row: str) -> bool:
    """Check a row's request, and return whether it has a mark."""
    body, marked = case.bodies(row)
    if marked is None:
        return False
    sent: dict[str, Any] = json.loads(marked)
    assert without_marks(sent) == json.loads(body)
    (found,) = marks_in(sent)
    assert found.get("text", found.get("name")) in case.heads
    return True


@pytest.mark.parametrize("model", SCHEMAS)
def test_every_marked_request_is_accepted(model: str) -> None:
    schema, marked_count = marked_schema(model), 0
    for case in cases(model):
        _, marked = case.bodies("A row's text.")
        if marked is not None:
            sent = json.loads(marked)
            assert schema.is_valid(sent), complaints(schema, sent)
            marked_count += 1
    assert marked_count >= 20


def test_the_published_schema_accepts_marked_requests() -> None:
    validator = request_validator(SONNET_5)
    for case in cases(SONNET_5):
        _, marked = case.bodies("A row's text.")
        assert marked is None or complaints(validator, json.loads(marked)) == []


@pytest.mark.parametrize("row", CAPTIVE_TEXTS)
@pytest.mark.parametrize("model", SCHEMAS)
def test_a_row_cannot_get_under_the_mark(model: str, row: str) -> None:
    assert sum(check(case, row) for case in cases(model)) >= 20


@given(row=st.text() | st.text(alphabet='"\\{}[],: \nat'))
def test_any_row_says_the_same_when_marked(row: str) -> None:
    for case in cases(SONNET_5):
        check(case, row)


def end_of_head(case: Case, sent: dict[str, Any]) -> str | None:
    """Return the last constant text, in the order in which a model reads a request."""
    tool = sent["tools"][-1]["name"] if "tools" in sent else None
    if "{body}" in (case.system or ""):
        return SYSTEMS[case.system] or tool
    turns = [turn["content"] for turn in sent["messages"] if turn["role"] == "assistant"]
    texts = [turn["content"] for turn in sent["messages"] if turn["role"] == "system"]
    system: str | None = sent.get("system") or (texts[0] if texts else None)
    return PROMPTS[case.prompt] or (turns[-1] if turns else system or tool)


@pytest.mark.parametrize("model", SCHEMAS)
def test_the_mark_is_at_the_head_s_end(model: str) -> None:
    for case in cases(model):
        body, marked = case.bodies("row")
        found = [one.get("text", one.get("name")) for one in marks_in(json.loads(marked or body))]
        expected = end_of_head(case, json.loads(body))
        assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize("row", ["", "  ", "\n\t "])
def test_blank_rest_is_sent_without_a_mark(row: str) -> None:
    """The API refuses a part without any visible text."""
    encoder = RequestEncoder(CompletionSpec(model=SONNET_5))
    assert Case(encoder, "Sort this: {body}", None, frozenset()).bodies(row)[1] is None
