"""A check against mixtures of all switches at once, and against answers that no document shows."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from aimlapi_simulator import Cache, Fault, Forms, Gateway, Script
from airflow_provider_aimlapi.checks.plan import DATED, DOTTED
from airflow_provider_aimlapi.checks.table import as_json, report_lines
from tests.checks.conftest import KEY, checked
from tests.checks.expected import differences
from tests.checks.test_simulator_modes import BATCH_FORMS, check_bill, values_of

NEW = "anthropic/claude-opus-4-8"
DROPS = ("system", "tools", "tool_choice", "response_format", "stop_sequences", "metadata")
FOREIGN = "Mme Zwingli, 079 555 12 12"
VALUES: list[Any] = [None, True, 0, -1, 1e308, 2**70, FOREIGN, KEY, [], [[]], {}, {"a": FOREIGN}]
USAGE = ("prompt_tokens", "completion_tokens", "prompt_tokens_details")


def mixture(seed: int) -> Script:
    """A script with each switch at random."""
    random = Random(seed)  # noqa: S311  # seeded, so that a seed replays
    forms: dict[str, Any] = {
        name: random.choice(values_of(Forms, name))
        for name in Forms.__struct_fields__
        if name not in BATCH_FORMS
    }
    return Script(
        seed=seed,
        forms=Forms(**forms),
        gateway=Gateway(
            documents=random.choice(["live", "older"]),
            is_strict=random.random() < 0.5,
            drops=tuple(name for name in DROPS if random.random() < 0.2),
            withdrawn={one: NEW for one in (DATED, DOTTED) if random.random() < 0.15},
        ),
        cache=Cache(
            marks=random.choice(["accepted", "accepted", "ignored", "refused"]),
            miss_share=random.choice([0.0, 0.0, 1.0]),
        ),
        ledger_delay_s=random.choice([0, 2, 60, 119, 121, 600]),
    )


def odd_answers() -> list[dict[str, Any]]:
    """Completions with one field of another kind."""

    def answer(**changes: Any) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "Blue"}
        message |= changes.pop("message", {})
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": message}
        choice |= changes.pop("choice", {})
        if "usage" in changes:
            return {"id": "msg_1", "choices": [choice]} | changes
        usage = {"prompt_tokens": 9, "completion_tokens": 2} | changes.pop("counts", {})
        return {"id": "msg_1", "choices": [choice], "usage": usage, "meta": {}} | changes

    return [
        *(answer(message={name: one}) for name in ("content", "tool_calls") for one in VALUES),
        *(answer(choice={name: one}) for name in ("finish_reason", "message") for one in VALUES),
        *(answer(counts={name: one}) for name in USAGE for one in VALUES),
        *(answer(**{name: one}) for name in ("id", "choices", "usage", "meta") for one in VALUES),
        *(answer(meta={"usage": {"usd_spent": one}}) for one in VALUES),
    ]


def check_texts(found: Any) -> None:
    """No foreign text and no key stands in what is printed, or in the file."""
    texts = "\n".join([*report_lines(found.report), as_json(found.report).decode()])
    for secret in (KEY, FOREIGN, "Zwingli"):
        assert secret not in texts


@pytest.mark.parametrize("seed", range(60))
def test_every_mixture_of_switches_comes_out(seed: int) -> None:
    script = mixture(seed)
    found = checked(script)
    if len(script.gateway.withdrawn) < 2:
        assert differences(found.answers, script) == {}
    check_bill(found)


@pytest.mark.attack
def test_a_thousand_mixtures_come_out() -> None:
    for seed in range(1_000, 2_000):
        script = mixture(seed)
        if len(script.gateway.withdrawn) < 2:
            assert differences(checked(script).answers, script) == {}, seed


@pytest.mark.parametrize("body", odd_answers(), ids=repr)
def test_an_odd_answer_is_no_crash(body: dict[str, Any]) -> None:
    fault = Fault(kind="raw", status=200, body=json.dumps(body))
    found = checked(Script(faults=(fault,), ledger_delay_s=600))
    check_texts(found)
    assert found.report.calls <= 12


@pytest.mark.parametrize("status", [400, 402, 403, 404, 409, 422, 429, 500, 503])
@pytest.mark.parametrize("place", ["message", "error", "details", "title"])
def test_error_that_quotes_key_and_text_is_not_repeated(status: int, place: str) -> None:
    said = f"No. Authorization: Bearer {KEY}. {FOREIGN}"
    bodies: dict[str, Any] = {
        "message": {"message": said},
        "error": {"error": {"name": "x", "message": said}},
        "details": {"message": "No", "error": {"details": [{"path": said, "reason": said}]}},
        "title": {"title": said},
    }
    fault = Fault(kind="raw", status=status, body=json.dumps(bodies[place]))
    check_texts(checked(Script(faults=(fault,), ledger_delay_s=600)))
