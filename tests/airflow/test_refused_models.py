"""A model that the API refuses: the error names what replaces it, or the id that was meant."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_simulator import Fault, Gateway, Script
from airflow_provider_aimlapi.errors import AccessRefused
from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook
from airflow_provider_aimlapi.hooks.refusals import explain_refusal

DATED = "anthropic/claude-sonnet-4-6-20260218"
DOTTED = "anthropic/claude-sonnet-4.6"


def refusal_of(model: str) -> str:
    with pytest.raises(AccessRefused) as refused:
        AIMLAPIHook().complete("Hello", model=model)
    assert refused.value.status == 404
    assert refused.value.in_full.startswith(f"HTTP 404: No endpoints found for {model}")
    return str(refused.value)


def test_a_withdrawn_model_names_its_replacement(api: Any) -> None:
    api.follow(Script(gateway=Gateway(withdrawn={DOTTED: DATED})))
    text = refusal_of(DOTTED)
    assert f"{DATED} replaces it: set model='{DATED}'" in text
    paths = [record.path for record in api.simulator.ledger.requests]
    assert paths == ["/v1/chat/completions", "/v1/models/deprecations"]


def test_replacement_that_may_not_be_printed_is_pointed_to(api: Any) -> None:
    api.follow(Script(gateway=Gateway(withdrawn={DOTTED: "anthropic/claude-quizzaciously"})))
    text = refusal_of(DOTTED)
    assert "GET /v1/models/deprecations" in text
    assert "quizzaciously" not in text


def test_a_mistyped_model_is_answered_with_the_nearest(api: Any) -> None:
    text = refusal_of("anthropic/claude-sonet-4-6-20260218")
    assert f"Did you mean {DATED}?" in text


def test_model_like_no_other_is_sent_to_the_list(api: Any) -> None:
    assert "GET /v1/models, has no strange. Set model to an id of that list." in refusal_of(
        "strange"
    )


@pytest.mark.parametrize("silent", [True, False])
def test_without_lists_the_usual_causes_are_named(api: Any, silent: bool) -> None:
    lists = ("/v1/models", "/v1/models/deprecations")
    faults = [Fault(kind="404")]
    faults += [Fault(kind="503", path=path) for path in lists if silent]
    api.follow(Script(faults=tuple(faults)))
    with pytest.raises(AccessRefused, match="Check the model's id, and the connection's host"):
        AIMLAPIHook().complete("Hello", model=DATED)


def test_other_refusals_ask_nothing_about_models(api: Any) -> None:
    for status in (401, 405):
        error = AccessRefused("no", status=status)
        assert explain_refusal(error, lambda: pytest.fail("asked"), DATED) is error


def test_a_run_ends_with_the_replacement(api: Any, tmp_path: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from airflow.sdk.exceptions import AirflowFailException

    from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

    api.follow(Script(gateway=Gateway(withdrawn={DOTTED: DATED})))
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"body": [f"Row {n}" for n in range(50)]}), source)
    operator = ClaudeCompletionOperator(
        task_id="summarise",
        input_path=str(source),
        output_path=str(tmp_path / "out"),
        prompt="Sum up: {body}",
        model=DOTTED,
        max_concurrency=4,
    )
    with pytest.raises(AirflowFailException, match=f"{DATED} replaces it"):
        operator.execute({})
    asked = [r.path for r in api.simulator.ledger.requests if r.path.startswith("/v1/models")]
    assert asked == ["/v1/models/deprecations"]
