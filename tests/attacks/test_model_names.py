"""No text of a row leaves by the name of a model, whatever the API's lists call their models."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.errors import AccessRefused
from airflow_provider_aimlapi.hooks.refusals import explain_refusal
from tests.attacks.echoes import DISGUISES, found_in, traces
from tests.fakes.echoing_api import EchoingApi, Reply, echoing

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "Quizzaciously Vexilloid 481516"
KEY = "sk-Zq81LmVx0Aw7RtYp2Ks9Bn4cUd"
PIECES = traces(SECRET) | traces(KEY)
MODEL = "anthropic/claude-sonnet-4-6-20260218"
FORMS = ("{}", "anthropic/{}", "claude-sonnet-{}", f"{MODEL}-{{}}")
ALL_FORMS = frozenset({"plain", "lower", "backwards", "dashed", "codes", "in pairs"})
"""Disguises that look like ids; the others are tried in some forms."""


def spellings(said: str) -> list[str]:
    """The text as it is, and as an id would be written."""
    return [said, re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-")]


@pytest.fixture(scope="module")
def api() -> Iterator[EchoingApi]:
    with echoing(lambda _prompt, _key: Reply()) as started:
        yield started


def explained(api: EchoingApi, *names: str, replaced: str | None = None) -> AccessRefused:
    """The refusal of a model, explained by lists in which models have these names."""
    entries: list[dict[str, Any]] = [{"id": name, "aliases": [f"{name}-1"]} for name in names]
    if replaced is not None:
        entries.append({"id": MODEL, "replaced_by": replaced})
    body = json.dumps({"data": entries}).encode()
    api.reply, api.requests = lambda _prompt, _key: Reply(body=body), 0
    error = AccessRefused("HTTP 404", status=404, remedy="Check the model's id.")
    told = explain_refusal(error, lambda: Endpoint(base_url=api.url, key=KEY), MODEL)
    assert api.requests in {1, 2}
    return told


def check(error: AccessRefused) -> None:
    assert found_in(f"{error} {error!r} {error.args} {error.remedy}", PIECES) == []
    assert str(error).isprintable()
    assert "model" in str(error)


@pytest.mark.parametrize("disguise", DISGUISES)
def test_lists_of_models_print_nothing_of_a_row(api: EchoingApi, disguise: str) -> None:
    hidden = [*spellings(DISGUISES[disguise](SECRET)), *spellings(DISGUISES[disguise](KEY))]
    names = [form.format(said) for said in hidden for form in FORMS]
    check(explained(api, *names))
    for name in names[:: 1 if disguise in ALL_FORMS else 3]:
        check(explained(api, "other", replaced=name))
