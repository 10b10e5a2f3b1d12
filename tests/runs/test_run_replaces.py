"""A run that replaces a published run states what differs, and what is paid for again."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from aimlapi_simulator import simulator_thread
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.texts.wording import format_usd
from airflow_provider_aimlapi.engine.blocking import plan_job
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import InvalidSpec
from tests.runs.conftest import KEY, MODEL, Workplace, script, texts_table

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aimlapi.engine.job import Job

ROWS = 12
SONNET_LATEST = "claude-sonnet-latest"


@pytest.fixture
def published(place: Workplace) -> Workplace:
    """A workplace with a published run of the usual job."""
    place.write(texts_table(ROWS))
    place.run()
    return place


def spec(*, model: str = MODEL, **parameters: Any) -> CompletionSpec:
    return CompletionSpec(model=model, **{"max_tokens": 256, **parameters})


def refusal(place: Workplace, job: Job) -> str:
    """Return the text that refuses to replace the published run."""
    with pytest.raises(InvalidSpec) as caught:
        place.run(replace(job, on_existing="error"))
    return str(caught.value)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    texts = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    return [text for text in texts if "What differs" in text or "ingredients" in text]


def test_refusal_states_each_difference(published: Workplace) -> None:
    cases: list[tuple[Job, str]] = [
        (published.job(completion=spec(max_tokens=99)), "max_tokens: 256 before, 99 now."),
        (published.job(completion=spec(temperature=0.2)), "temperature: not set before, 0.2 now."),
        (
            published.job(prompt="Say {body}"),
            r'prompt: "Summarise:\n\n{body}" before, "Say {body}" now.',
        ),
        (published.job(system="Be kind."), 'system: not set before, "Be kind." now.'),
        (
            published.job(examples=(({"body": "a"}, "b"),)),
            'examples: not set before, [[{"body": "a"}, "b"]] now.',
        ),
        (published.job(output_column="x"), 'output_column: "completion" before, "x" now.'),
        (published.job(limit_rows=5), "limit_rows: not set before, 5 now."),
        (
            published.job(endpoint=Endpoint(base_url="https://other.example", key=KEY)),
            f'base URL: "{published.sim.url}" before, "https://other.example" now.',
        ),
    ]
    for job, clause in cases:
        text = refusal(published, job)
        assert f"What differs: {clause}" in text
        rows = job.limit_rows or ROWS
        assert f"{rows} of {ROWS} published rows are paid for again, for about " in text
    assert len(published.sim.ledger.requests) == ROWS


def test_base_url_states_rows_and_price(
    published: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    paid = published.run().tally.cost_nano_usd
    with simulator_thread(script()) as other:
        job = published.job(endpoint=Endpoint(base_url=other.url, key=KEY))
        published.run(job)
        (text,) = warnings(caplog)
        assert len(other.ledger.billed) == ROWS
        published.run(job)
        assert len(warnings(caplog)) == 1
    assert text.startswith(
        f"{ROWS} of {ROWS} published rows are paid for again, for about {format_usd(paid)}, as before."
    )
    assert f'What differs: base URL: "{published.sim.url}" before, "{other.url}" now.' in text
    assert "prompt" not in text


def test_other_model_is_priced_by_its_list(
    published: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    paid = published.run().tally.cost_nano_usd
    job = published.job(completion=spec(model=SONNET_LATEST))
    published.run(job)
    (text,) = warnings(caplog)
    assert f'model: "{MODEL}" before, "{SONNET_LATEST}" now' in text
    assert "if they take as many tokens, which cost " in text
    assert f"{format_usd(paid)} with the earlier model." in text


def test_run_that_is_published_pays_for_nothing(
    published: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    published.run(published.job(prompt="Say {body}"))
    caplog.clear()
    published.run()
    (text,) = warnings(caplog)
    assert text.startswith("This run is published already, so no row is paid for again.")
    assert len(published.sim.ledger.billed) == 2 * ROWS


def test_new_input_is_told_from_old_rows(
    published: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    published.write(texts_table(7, 100), "b.parquet")
    published.run()
    (text,) = warnings(caplog)
    assert text.startswith(f"Up to {ROWS} of {ROWS} published rows are paid for again")
    assert "input: 1 file(s) added, the first is" in text
    caplog.clear()
    published.fs.rm(published.input, recursive=True)
    published.write(texts_table(3, 200), "c.parquet")
    published.run()
    (text,) = warnings(caplog)
    assert text.startswith("None of the 19 answered rows of that run is paid for again.")


def test_divided_run_warns_once(published: Workplace, caplog: pytest.LogCaptureFixture) -> None:
    """The task that plans a run warns. A share's task does not repeat it."""
    job = published.job(prompt="Say {body}")
    plan_job(job, Settings(), workers=1)
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    "made_of",
    [
        {},
        {"prompt": 1, "limit_rows": "x", "origin": None},
        {
            "prompt": "\x1b[2J\u202e" * 5000,
            "origin": "https://\n\x07",
            "parameters": {"\r": "\x00"},
        },
        {"parameters": ["MARKER"]},
        {"inputs": [["\x1b", "\n", 1, 10**18]] * 3},
    ],
)
def test_planted_plan_changes_the_warning_only(
    published: Workplace, tmp_path: Path, caplog: pytest.LogCaptureFixture, made_of: dict[str, Any]
) -> None:
    (file,) = tmp_path.glob("out/_aimlapi/*/plan.json")
    stored = json.loads(file.read_bytes())
    stored["made_of"] = stored["made_of"] | made_of if made_of else {}
    file.write_text(json.dumps(stored))
    summary = published.run(published.job(prompt="Say {body}"))
    assert summary.tally.ok == ROWS
    (text,) = warnings(caplog)
    assert text.isprintable()
    assert len(text) < 2_000
    assert "MARKER" not in text
    assert "replaces it once" in text
