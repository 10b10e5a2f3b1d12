"""Names that readers take for one another are found, and told apart."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.prompts.template import parse_template, shapes_of
from airflow_provider_aimlapi.core.texts.column_names import (
    describe_difference,
    find_lookalike,
    name_key,
)
from airflow_provider_aimlapi.errors import InvalidSpec

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("Body", "body", "'Body' and 'body' differ only in case"),
        ("ÄRGER", "ärger", "differ only in case"),
        (COMPOSED, DECOMPOSED, r"'caf\xe9' and 'cafe\u0301' look the same"),
        ("\ufeffid", "id", r"'\ufeffid' and 'id' differ in a byte order mark"),
        ("\ufeffId", "id", r"byte order mark"),
        (COMPOSED.upper(), DECOMPOSED, "differ only in case"),
    ],
)
def test_names_that_readers_confuse_have_one_key(one: str, other: str, words: str) -> None:
    assert name_key(one) == name_key(other)
    assert find_lookalike(one, ["else", other]) == other
    assert words in describe_difference(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("id", "id_"), ("straße", "strasse"), ("é", "e"), ("a b", "ab"), ("", " ")]
)
def test_other_names_have_other_keys(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)
    assert find_lookalike(one, [other]) is None


def test_a_name_is_not_its_own_lookalike() -> None:
    assert find_lookalike("id", ["id"]) is None


@pytest.mark.parametrize(
    ("written", "column"),
    [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), ("id", "\ufeffid"), ("\ufeffid", "id")],
)
def test_a_prompt_shows_how_its_column_is_spelled(written: str, column: str) -> None:
    columns = shapes_of([column])
    with pytest.raises(InvalidSpec) as error:
        parse_template(f"Say {{{written}}}", columns=columns, argument="prompt")
    assert ascii(column)[1:-1] in str(error.value)
    template = parse_template(f"Say {{{column}}}", columns=columns, argument="prompt")
    assert template.columns == (column,)
