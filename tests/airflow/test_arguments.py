"""Rendered arguments are read as their meaning, or refused with the fix."""

from __future__ import annotations

import pytest

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators import arguments


@pytest.mark.parametrize(
    ("rendered", "number"), [(512, 512), ("512", 512), (" 512 ", 512), (512.0, 512), ("512.0", 512)]
)
def test_a_whole_number_is_read_in_every_spelling(rendered: object, number: int) -> None:
    read = arguments.read_whole_number("max_tokens", rendered)
    assert (read, type(read)) == (number, int)


@pytest.mark.parametrize("rendered", ["abc", "1.5", 1.5, True, None, "", "None", [1], "inf", "nan"])
def test_what_is_no_whole_number_is_refused_by_name(rendered: object) -> None:
    with pytest.raises(InvalidSpec, match=r"^max_tokens="):
        arguments.read_whole_number("max_tokens", rendered)


@pytest.mark.parametrize(
    ("rendered", "number"), [("5", 5), (5, 5), ("0.05", 0.05), (0.05, 0.05), ("1.0", 1.0), ("1", 1)]
)
def test_rows_and_shares_of_rows_stay_apart(rendered: object, number: float) -> None:
    read = arguments.read_number("max_rejected_rows", rendered)
    assert (read, type(read)) == (number, type(number))


@pytest.mark.parametrize("rendered", ["5%", "five", None, False, {}])
def test_what_is_no_number_is_refused_by_name(rendered: object) -> None:
    with pytest.raises(InvalidSpec, match=r"^max_rejected_rows="):
        arguments.read_number("max_rejected_rows", rendered)


def test_percentages_are_refused_with_an_example() -> None:
    with pytest.raises(InvalidSpec, match=r"such as 0\.1 or 100"):
        arguments.read_number("max_rejected_rows", "10%", such_as="0.1 or 100")


@pytest.mark.parametrize("nothing", [None, "", " ", "None"])
def test_nothing_stays_nothing_after_rendering(nothing: object) -> None:
    assert arguments.read_optional_number("max_cost_usd", nothing) is None
    assert arguments.read_optional_whole_number("limit_rows", nothing) is None
    assert arguments.read_optional_text("system", nothing) is None
    assert arguments.read_texts("stop_sequences", nothing) is None
    assert arguments.read_thinking("thinking", nothing) is None


@pytest.mark.parametrize(
    ("rendered", "meant"), [(True, True), ("True", True), (" false ", False), (False, False)]
)
def test_a_flag_is_read_in_every_spelling(rendered: object, meant: object) -> None:
    assert arguments.read_flag("retry_rejected", rendered) is meant


@pytest.mark.parametrize("rendered", ["yes", 1, None, "", "0"])
def test_what_is_no_flag_is_refused_by_name(rendered: object) -> None:
    with pytest.raises(InvalidSpec, match=r"^retry_rejected=.*True or False"):
        arguments.read_flag("retry_rejected", rendered)


def test_one_of_accepts_listed_words_only() -> None:
    assert arguments.read_word("on_existing", "error", ("replace", "error")) == "error"
    with pytest.raises(InvalidSpec, match=r"^on_existing='keep': give 'replace' or 'error'"):
        arguments.read_word("on_existing", "keep", ("replace", "error"))


def test_single_stop_sequence_is_refused() -> None:
    """Python would read it as a list of letters."""
    with pytest.raises(InvalidSpec, match="give a list of texts"):
        arguments.read_texts("stop_sequences", "END")
    assert arguments.read_texts("stop_sequences", ["END"]) == ("END",)


def test_thinking_budget_is_read_from_a_template() -> None:
    rendered = {"type": "enabled", "budget_tokens": "2048"}
    assert arguments.read_thinking("thinking", rendered) == {
        "type": "enabled",
        "budget_tokens": 2048,
    }


@pytest.mark.parametrize("wrong", ["enabled", 2048, {"budget_tokens": "many"}])
def test_thinking_of_another_form_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidSpec, match=r"^thinking"):
        arguments.read_thinking("thinking", wrong)


@pytest.mark.parametrize(
    "name",
    ["prompt.txt", "prompts/summary.md", "a-b.prompt", "A.TXT", "a.md.j2", "a.jinja", " a.txt "],
)
def test_missing_prompt_file_is_no_prompt(name: str) -> None:
    assert arguments.names_file(name)
    with pytest.raises(InvalidSpec, match="names a file"):
        arguments.read_text("prompt", name)


@pytest.mark.parametrize(
    "sentence", ["Name a file, such as notes.txt", "{text}.md", "Read\nthis.md", "prompt", ".", ""]
)
def test_sentences_are_not_read_as_file_names(sentence: str) -> None:
    assert not arguments.names_file(sentence)
    assert arguments.read_text("prompt", sentence) == sentence
