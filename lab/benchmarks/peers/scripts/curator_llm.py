"""Bespoke Labs' curator, over its OpenAI backend, as it comes or with its limits lifted."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

# It counts tokens with tiktoken, which downloads its table. litellm contains that table.
_LITELLM = importlib.util.find_spec("litellm")
assert _LITELLM is not None
assert _LITELLM.origin is not None
_TABLES = Path(_LITELLM.origin).parent / "litellm_core_utils" / "tokenizers"
os.environ["TIKTOKEN_CACHE_DIR"] = str(_TABLES)

from bespokelabs import curator  # noqa: E402

from lab.benchmarks.peers.scripts.account import (  # noqa: E402
    KEY,
    MAX_TOKENS,
    MODEL,
    PROMPT,
    Job,
    read_job,
    read_texts,
    report,
    write_answers,
)

LIFTED = 10_000_000


class Summary(curator.LLM):  # type: ignore[misc]  # it has no types
    """One prompt a row; the answer beside the row's number."""

    def prompt(self, row: dict[str, Any]) -> str:
        """Return the prompt of a row."""
        return PROMPT.format(text=row["text"])

    def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
        """Return the row with its answer."""
        return {"number": row["number"], "completion": response}


def ask(job: Job) -> list[str | None]:
    """Send all rows. Curator's default limits are 200 calls and 100,000 tokens per minute."""
    settings: dict[str, Any] = {"base_url": job.openai_url, "api_key": KEY}
    settings["require_all_responses"] = False
    settings["max_concurrent_requests"] = job.in_flight
    if job.variant == "lifted":
        settings |= {"max_requests_per_minute": LIFTED, "max_tokens_per_minute": LIFTED * 1_000}
        settings["seconds_to_pause_on_rate_limit"] = 1
    llm = Summary(
        model_name=MODEL,
        backend="openai",
        backend_params=settings,
        generation_params={"max_tokens": MAX_TOKENS},
    )
    texts = read_texts(job)
    rows = [{"number": number, "text": text} for number, text in enumerate(texts)]
    answers: list[str | None] = [None] * len(texts)
    for row in llm(rows).dataset:
        answers[row["number"]] = row["completion"]
    return answers


def main() -> None:
    """Read the rows, call the API, write the answers."""
    job = read_job()
    report(job, write_answers(job, ask(job)), "bespokelabs-curator", "litellm", "aiohttp")


if __name__ == "__main__":
    main()
