from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from airflow_provider_aimlapi.core.prompts.template import (
    first_placeholder,
    near_misses,
    parse_template,
    shapes_of,
)
from airflow_provider_aimlapi.core.texts.nearest import nearest_name
from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.printable import printable_text

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
PLAIN = st.text(alphabet=st.characters(exclude_characters="{}\\", exclude_categories=["Cs"]))
COLUMN = st.text(
    st.characters(exclude_characters="{}\\\n", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: bool(name.strip()) and not name.strip().isdecimal())


def filled(text: str, row: dict[str, str]) -> str:
    template = parse_template(text, columns=shapes_of(list(row)), argument="prompt")
    wanted = tuple(dict.fromkeys(template.columns))
    return "".join(template.filler_for(wanted)([row[name] for name in wanted]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{body}", "BODY"),
        ("Say: {body}.", "Say: BODY."),
        ("{body}{title}{body}", "BODYTITLEBODY"),
        ("{title}\n\n{body}\n", "TITLE\n\nBODY\n"),
        ("no column at all", "no column at all"),
        ("", ""),
        (r"\{body}", "{body}"),
        (r"\{body} {body}", "{body} BODY"),
        (r"\{nobody}", "{nobody}"),
        (r"C:\temp \n {body}", r"C:\temp \n BODY"),
        ("{first name} of {prénom} in {城市}", "FIRST of PRÉNOM in CITY"),
        ("{2nd}", "SECOND"),
        (
            'Answer as {"title": "…", "tags": ["a"]}: {body}',
            'Answer as {"title": "…", "tags": ["a"]}: BODY',
        ),
        ('{"outer": {"inner": {}}}', '{"outer": {"inner": {}}}'),
        ('{"text": "{body}"}', '{"text": "BODY"}'),
        ("{{ 7*7 }} {% if body %} {# no #} {body}", "{{ 7*7 }} {% if body %} {# no #} BODY"),
        ("{0} {} {a.b, c} { other words }", "{0} {} {a.b, c} { other words }"),
        (r"\d{4} \w{2,3} {} { }", r"\d{4} \w{2,3} {} { }"),
        ("{body: string, title: string}", "{body: string, title: string}"),
        ('{"body": "…"} {body, title}', '{"body": "…"} {body, title}'),
        (r"\{body!r} \{ body }", "{body!r} { body }"),
        ("{ {body} }", "{ BODY }"),
        ("a { b", "a { b"),
        ("a } b", "a } b"),
        ("}{", "}{"),
        ("{body", "{body"),
        ("{bo\ndy}", "{bo\ndy}"),
        ("\u202e{body}\u200f", "\u202eBODY\u200f"),
        ("\x00{body}\x00", "\x00BODY\x00"),
    ],
)
def test_columns_are_filled_and_all_else_stays(text: str, expected: str) -> None:
    row = {
        "body": "BODY",
        "title": "TITLE",
        "first name": "FIRST",
        "prénom": "PRÉNOM",
        "城市": "CITY",
        "2nd": "SECOND",
    }
    assert filled(text, row) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{bdy}", "Did you mean {body}?"),
        ("{BODY}", "Did you mean {body}?"),
        ("{prenom}", "Did you mean {prénom}?"),
        ("{body} {titel}", "Did you mean {title}?"),
        ("{zzzzzz}", "Its columns are: body, prénom, title."),
    ],
)
def test_unknown_column_is_an_error_that_names_the_nearest(text: str, named: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_template(text, columns=shapes_of(["title", "body", "prénom"]), argument="system")
    message = str(caught.value)
    assert message.startswith("system uses {")
    assert named in message
    assert r"\{" in message  # the way out for somebody who meant a plain brace


@pytest.mark.parametrize(
    ("token", "column"),
    [
        ("{ body }", "body"),
        ("{body }", "body"),
        ("{\tbody}", "body"),
        ("{ Body }", "body"),
        ("{body.text}", "body"),
        ("{body.text.strip}", "body"),
        ("{body[0]}", "body"),
        ("{body['text']}", "body"),
        ("{body!r}", "body"),
        ("{body!s:>10}", "body"),
        ("{body:>10}", "body"),
        ("{body:}", "body"),
        ("{body:s}", "body"),
        ("{price:,.2f}", "price"),
        ("{day:%Y-%m-%d}", "day"),
        ("{body|upper}", "body"),
        ("{ body | upper }", "body"),
        ('{"body"}', "body"),
        ("{'body'}", "body"),
        ("{first name }", "first name"),
        ("{ first name.x}", "first name"),
        ("{body.strip()}", "body"),
        ("{body[:200].strip()}", "body"),
        ("{body or ''}", "body"),
        ('{body if body else "none"}', "body"),
        ("{body=}", "body"),
        ("{body=!r}", "body"),
        ("{$body}", "body"),
        ("{#body}", "body"),
        ("{/ body}", "body"),
        ('{row["body"]}', "body"),
        ("{ row['first name'] }", "first name"),
        ("{df.row['body'].strip()}", "body"),
        ('{col("body")}', "body"),
        ("{ row.body }", "body"),
    ],
)
def test_column_written_otherwise_is_refused_with_the_line(token: str, column: str) -> None:
    columns = ["body", "price", "day", "first name", "first", "", "4"]
    with pytest.raises(InvalidSpec) as caught:
        parse_template(f"Say {token}.", columns=shapes_of(columns), argument="prompt")
    message = str(caught.value)
    assert f"Write {{{column}}}" in message
    assert printable_text(token) in message
    escaped = f"Say \\{token}."
    assert parse_template(escaped, columns=shapes_of(columns), argument="prompt").literals == (
        f"Say {token}.",
    )


@pytest.mark.parametrize(
    "text",
    [
        *("{body: string}", "{body or title}", "{body + 1}", "{body, day}", "{#each body}"),
        *("{ vue.other }", '{ "row": ["body"] }', '{f("other")}', "{$x$}", "{#fff}", "{^2}"),
    ],
)
def test_text_that_may_be_meant_stays_as_it_is(text: str) -> None:
    columns = shapes_of(["body", "day", "title", "row"])
    assert parse_template(text, columns=columns, argument="prompt").literals == (text,)


@pytest.mark.parametrize("column", ["body.text", "body!r", " body ", "2,4", "0x", "body:>10"])
def test_exact_column_name_is_a_placeholder(column: str) -> None:
    assert filled(f"<{{{column}}}>", {column: "VALUE", "body": "BODY"}) == "<VALUE>"


@pytest.mark.parametrize("name", ["", " ", "4", "07", " 4 ", "٤"])
def test_digits_and_blanks_are_never_placeholders(name: str) -> None:
    assert filled(f"<{{{name}}}>", {name: "VALUE", name.strip(): "VALUE"}) == f"<{{{name}}}>"


def test_of_very_many_columns_only_some_are_shown() -> None:
    columns = [f"column_{number}" for number in range(1000)]
    with pytest.raises(InvalidSpec) as caught:
        parse_template("{zzzzzz}", columns=shapes_of(columns), argument="prompt")
    assert "column_0" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_unknown_column_is_error_although_the_input_has_none() -> None:
    with pytest.raises(InvalidSpec, match="body"):
        parse_template("{body}", columns=shapes_of([]), argument="prompt")


@pytest.mark.parametrize(
    ("typed", "near"),
    [("Body", "body"), ("tilte", "Title"), ("TITLE", "Title"), ("quantity", None)],
)
def test_nearest_looks_past_case_and_gives_up_on_strangers(typed: str, near: str | None) -> None:
    assert nearest_name(typed, ["body", "Title"]) == near


@pytest.mark.parametrize(
    ("text", "misses"),
    [
        ("{my col}, {my col}", [("{my col}", "my_col")]),
        ("{body} {first name}", []),  # columns
        ("{bdy}", []),  # an error of its own
        (r"\{ body }", []),  # a plain brace, by its author's will
        ('{"a": 1} {} {0} {…} {some other words}', []),
        ('As {"title": "…", "tags": ["a"]}: {body}', []),
        ("{ {body} }", []),
    ],
)
def test_what_is_nearly_a_column_in_braces_is_found(
    text: str, misses: list[tuple[str, str]]
) -> None:
    assert near_misses(text, shapes_of(["body", "title", "my_col", "first name"])) == misses


@given(text=TEXT)
def test_near_miss_stands_in_prompt_as_it_is_sent(text: str) -> None:
    try:
        template = parse_template(text, columns=shapes_of(["body"]), argument="prompt")
    except InvalidSpec:
        assume(False)
    for literal, column in near_misses(text, shapes_of(["body"])):
        assert column == "body"
        assert any(literal in part for part in template.literals)


@given(value=TEXT, other=TEXT)
@example(value="{other}", other="secret")
@example(value="\\{other}", other="secret")
@example(value="{{ 7*7 }}{% if x %}", other="{value}")
@example(value="\u202e\x00{", other="other}")
def test_a_rows_own_text_is_inserted_and_never_searched(value: str, other: str) -> None:
    row = {"value": value, "other": other}
    assert filled("<{value}|{other}|{value}>", row) == f"<{value}|{other}|{value}>"


@given(pieces=st.lists(st.tuples(PLAIN, COLUMN), max_size=6), last=PLAIN, data=st.data())
def test_prompt_is_fixed_texts_and_values_in_turn(pieces, last, data):
    row = {name: data.draw(TEXT) for _, name in pieces}
    text = "".join(f"{plain}{{{name}}}" for plain, name in pieces) + last
    expected = "".join(plain + row[name] for plain, name in pieces) + last
    assert filled(text, row) == expected


@given(text=TEXT)
def test_text_without_name_in_braces_stays_as_it_is(text: str) -> None:
    try:
        template = parse_template(text, columns=shapes_of([]), argument="prompt")
    except InvalidSpec:
        assume(False)
    assert template.columns == ()
    assert "".join(template.filler_for(())(())) == text.replace("\\{", "{")


def test_filler_takes_texts_in_order_that_its_caller_names() -> None:
    template = parse_template("{a}-{b}-{a}", columns=shapes_of(["a", "b", "c"]), argument="prompt")
    assert template.columns == ("a", "b", "a")
    assert template.filler_for(("c", "b", "a"))(["C", "B", "A"]) == (
        "",
        "A",
        "-",
        "B",
        "-",
        "A",
        "",
    )


@pytest.mark.parametrize(
    ("names", "first"),
    [(["4", " ", "id"], "id"), (["a{b", "a\nb", "a b"], "a b"), (["0", ""], None), ([], None)],
)
def test_first_placeholder_can_be_used(names: list[str], first: str | None) -> None:
    assert first_placeholder(names) == first
    if first is not None:
        shapes = shapes_of(names)
        assert parse_template(f"{{{first}}}", columns=shapes, argument="prompt").columns == (first,)
