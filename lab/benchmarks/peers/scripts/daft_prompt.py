"""Daft's `prompt()` over a Parquet file, on its local runner."""

from __future__ import annotations

from typing import Any

import daft
from daft.functions import format as format_text
from daft.functions import prompt

from lab.benchmarks.peers.scripts.account import (
    KEY,
    MAX_TOKENS,
    MODEL,
    PROMPT,
    Job,
    read_job,
    report,
    write_answers,
)


def ask(job: Job) -> list[str | None]:
    """Send all rows. Daft chooses the calls in flight. An error ends it, unless it ignores errors."""
    daft.set_provider("openai", api_key=KEY, base_url=job.openai_url)
    options: dict[str, Any] = {"max_tokens": MAX_TOKENS, "use_chat_completions": True}
    if job.variant == "retries":
        options |= {"on_error": "ignore", "max_retries": 10}
    frame = daft.read_parquet(str(job.source))
    text = format_text(PROMPT.replace("{text}", "{}"), daft.col("text"))
    answers = frame.with_column(
        "completion", prompt(text, provider="openai", model=MODEL, **options)
    )
    known = answers.select("id", "completion").sort("id").to_pydict()
    found: list[str | None] = known["completion"]
    return found


def main() -> None:
    """Read the rows, call the API, write the answers."""
    job = read_job()
    report(job, write_answers(job, ask(job)), "daft", "openai")


if __name__ == "__main__":
    main()
