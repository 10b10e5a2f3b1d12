"""The reference names every argument with its default, every returned key, every column written."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.core.calls.dialect import DIALECTS, MODELS
from airflow_provider_aimlapi.core.durable.manifest import Tally
from airflow_provider_aimlapi.core.reporting.run_summary import RunSummary
from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook
from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator
from airflow_provider_aimlapi.operators.estimate import ClaudeCompletionEstimateOperator
from airflow_provider_aimlapi.operators.retry_policy import AimlapiRetryPolicy
from airflow_provider_aimlapi.provider_info import CONNECTION_FIELDS, UI_FIELD_BEHAVIOUR
from airflow_provider_aimlapi.storage.parts.outcome_columns import INFO_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_POLICY = "AimlapiRetryPolicy(keep_retry_delay=True)"


@pytest.fixture(scope="module")
def reference(pytestconfig: pytest.Config) -> str:
    return (pytestconfig.rootpath / "provider/docs/reference.md").read_text(encoding="utf-8")


def table(reference: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without their backticks."""
    _, _, below = reference.partition(f"{heading}\n")
    section = re.split(r"^#+ ", below, maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in row.replace("`", "").split("|")[1:-1]] for row in rows]


def arguments(function: Callable[..., Any]) -> dict[str, str]:
    """Names and defaults as the page writes them."""
    found = {
        name: "required"
        if parameter.default is inspect.Parameter.empty
        else repr(parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    if "retry_policy" in found:
        found["retry_policy"] = DEFAULT_POLICY
    return found


@pytest.mark.parametrize(
    ("heading", "function"),
    [
        ("## ClaudeCompletionOperator", ClaudeCompletionOperator.__init__),
        ("## ClaudeCompletionEstimateOperator", ClaudeCompletionEstimateOperator.__init__),
        ("## AIMLAPIHook", AIMLAPIHook.complete),
        ("## AimlapiRetryPolicy", AimlapiRetryPolicy.__init__),
    ],
)
def test_every_argument_has_its_line(
    reference: str, heading: str, function: Callable[..., Any]
) -> None:
    told = {name: default for name, default, *_ in table(reference, heading)}
    assert told == arguments(function)


def test_every_returned_key_has_its_line(reference: str) -> None:
    told = [
        key for names, *_ in table(reference, "### What it returns") for key in names.split(", ")
    ]
    report = RunSummary(
        run_key="",
        manifest="",
        output_path="",
        tally=Tally(),
        reused=0,
        requests=0,
        throttled=0,
        elapsed_s=0,
    )
    assert told == list(report.as_return_value())


def test_every_column_has_its_line(reference: str) -> None:
    written = {f"completion_info.{field.name}": str(field.type) for field in INFO_TYPE}
    told = {name: kind for name, kind, *_ in table(reference, "### What it writes")}
    assert told == {"completion": "string", **written}


def test_every_listed_model_has_its_line(reference: str) -> None:
    rows = table(reference, "### Models and dialects")
    told = {
        name.strip(): (dialect.partition(",")[0], longest)
        for dialect, names, longest, *_ in rows[: len(DIALECTS)]
        for name in re.findall(r"claude-[\w.-]+", names)
    }
    for name, model in MODELS.items():
        longest = model.answer_tokens_max
        shown = "not published" if longest is None else f"{longest:,}"
        assert told.pop(name) == (model.dialect.name, shown)
    assert list(told) == ["claude-sonnet-4-6-20260218"]


def test_every_field_of_the_connection_has_its_line(reference: str) -> None:
    told = {name: place for name, place, *_ in table(reference, "## The connection")}
    relabelled: Any = UI_FIELD_BEHAVIOUR["relabeling"]
    standard = {label: field for field, label in relabelled.items()}
    own = {field["label"]: f"extra {name}" for name, field in CONNECTION_FIELDS.items()}
    assert told == {**standard, **own}
