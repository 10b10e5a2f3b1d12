from __future__ import annotations

import pytest

from airflow_provider_aimlapi.core.prompts.field_paths import (
    FieldPath,
    Shape,
    explain_wrong_path,
    parse_field_path,
)
from airflow_provider_aimlapi.core.prompts.template import near_misses, parse_template
from airflow_provider_aimlapi.errors import InvalidSpec

TEXT = Shape("string")
LINE = Shape("struct", {"sku": TEXT, "tags": Shape("list", item=TEXT)})
COLUMNS = {
    "body": TEXT,
    "customer": Shape(
        "struct", {"plan": TEXT, "home town": TEXT, "address": Shape("struct", {"zip": TEXT})}
    ),
    "lines": Shape("list", item=LINE),
    "customer.name": TEXT,
    "a.b": Shape("struct", {"c": TEXT}),
    "a": Shape("struct", {"b": Shape("struct", {"c": TEXT, "d": TEXT})}),
}


@pytest.mark.parametrize(
    ("name", "column", "steps"),
    [
        ("body", "body", ()),
        ("customer.plan", "customer", ("plan",)),
        ("customer.home town", "customer", ("home town",)),
        ("customer.address.zip", "customer", ("address", "zip")),
        ("customer.address", "customer", ("address",)),
        ("lines[0]", "lines", (0,)),
        ("lines[12].sku", "lines", (12, "sku")),
        ("lines[0].tags[1]", "lines", (0, "tags", 1)),
        ("customer.name", "customer.name", ()),
        ("a.b.c", "a.b", ("c",)),
        ("a.b.d", "a", ("b", "d")),
    ],
)
def test_a_path_leads_to_its_value(name: str, column: str, steps: tuple[str | int, ...]) -> None:
    """A column that is literally named so takes precedence, also as the beginning of a path."""
    assert parse_field_path(name, COLUMNS) == FieldPath(column, steps)
    template = parse_template(f"<{{{name}}}>", columns=COLUMNS, argument="prompt")
    assert (template.literals, template.columns) == (("<", ">"), (name,))
    assert near_misses(f"<{{{name}}}>", COLUMNS) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "customer.pln",
            "'customer' has no field 'pln'. Did you mean {customer.plan}? Its fields are: address, home town, plan.",
        ),
        ("customer.x", "'customer' has no field 'x'. Its fields are: address, home town, plan."),
        ("customer[0]", "'customer' has fields and no numbered items. Its fields are: address"),
        ("customer.address.zp", "Did you mean {customer.address.zip}?"),
        (
            "customer.plan.x",
            "'customer.plan' is string, which has no fields. Write {customer.plan}.",
        ),
        ("lines.sku", "'lines' is a list. Name an item first, such as {lines[0].sku}."),
        ("lines[0].skuu", "'lines[0]' has no field 'skuu'. Did you mean {lines[0].sku}?"),
        (
            "lines[0].tags.x",
            "'lines[0].tags' is a list. Name an item first, such as {lines[0].tags[0].x}.",
        ),
        ("body[0]", "'body' is string, which has no numbered items. Write {body}."),
        ("custmer.plan", "the input has no column 'custmer'. Did you mean {customer.plan}?"),
        ("Customer.plan", "the input has no column 'Customer'. Did you mean {customer.plan}?"),
        ("row.body", "the input has no column 'row'. Did you mean {body}?"),
        ("zzz[0].q", "the input has no column 'zzz'. Its columns are: a, a.b, body, customer"),
    ],
)
def test_a_wrong_path_is_refused_with_what_exists(name: str, sentence: str) -> None:
    why = explain_wrong_path(name, COLUMNS)
    assert why is not None
    assert sentence in why
    with pytest.raises(InvalidSpec) as error:
        parse_template(f"Say {{{name}}}.", columns=COLUMNS, argument="system")
    assert str(error.value).startswith(f"system uses {{{name}}}, but ")
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("token", "written"),
    [
        ("{ customer.plan }", "{customer.plan}"),
        ("{customer.plan!r}", "{customer.plan}"),
        ("{lines[0].sku:>10}", "{lines[0].sku}"),
        ("{customer.no.such!r}", "{customer}"),
        ("{lines[-1]}", "{lines}"),
        ("{customer['plan']}", "{customer.plan}"),
        ('{lines[0]["sku"]}', "{lines[0].sku}"),
        ("{lines.0.sku}", "{lines[0].sku}"),
        ("{customer. plan}", "{customer.plan}"),
        ("{lines [ 0 ] .sku}", "{lines[0].sku}"),
    ],
)
def test_another_notation_is_refused_with_the_path(token: str, written: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        parse_template(f"Say {token}.", columns=COLUMNS, argument="prompt")
    assert f"Write {written} for " in str(error.value)


@pytest.mark.parametrize(
    "text",
    ["{customer: a.b}", "{a.b, c.d}", "{body. A sentence}", "{x.y z}", "{}", "{0.5}", "\\{a.q}"],
)
def test_what_is_no_path_stays_as_it_is(text: str) -> None:
    template = parse_template(text, columns=COLUMNS, argument="prompt")
    assert template.columns == ()
    assert template.literals == (text.removeprefix("\\"),)
