"""Prompt tokens of one row with a schema of six fields, in each form of typed requests.

    python -m lab.benchmarks.typed_forms

The simulator counts them: four characters a token, and what the API adds to a request with tools.
"""

from __future__ import annotations

from aimlapi_simulator import Account, Script, simulator_thread
from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
from airflow_provider_aimlapi.core.calls.answer_form import forms_of
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.engine.blocking import complete_one, complete_one_typed
from airflow_provider_aimlapi.engine.calls.typed.single_typed import Typed
from airflow_provider_aimlapi.engine.settings import Settings
from lab.benchmarks.typed import SCHEMA

MODELS = (
    "anthropic/claude-sonnet-4-6-20260218",
    "anthropic/claude-sonnet-4.6",
    "anthropic/claude-sonnet-5-5",
)
"""One for each form."""
PROMPT = "Summarise in two sentences:\n\n" + "The parcel came late, and the box was wet. " * 20
KEY = "benchmark-key"


def main() -> None:
    """Send one row with and without the schema to each model, and print the tokens."""
    typed = Typed(AnswerValidator(SCHEMA), repairs=0)
    lines = [
        f"a schema of six fields, {len(SCHEMA.canonical_json):,} bytes; prompt tokens of a row"
    ]
    with simulator_thread(Script(account=Account(key=KEY))) as simulator:
        endpoint = Endpoint(base_url=simulator.url, key=KEY)
        for model in MODELS:
            spec = CompletionSpec(model=model, max_tokens=16_000)
            form = forms_of(spec, SCHEMA.canonical_json)[0].name
            message = message_of(PROMPT, None)
            plain = complete_one(endpoint, spec, message, Settings()).prompt_tokens or 0
            found = complete_one_typed(endpoint, spec, message, Settings(), typed).prompt_tokens
            lines.append(f"{form:16} {model:38} {plain:>5} without, {found:>5} with the schema")
    print("\n".join(lines))  # noqa: T201  # printing is what a benchmark is for


if __name__ == "__main__":
    main()
