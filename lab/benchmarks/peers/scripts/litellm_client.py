"""litellm's `acompletion`, as it comes or with retries."""

from __future__ import annotations

import asyncio
from typing import Any

import litellm

from lab.benchmarks.peers.scripts.account import (
    KEY,
    MAX_TOKENS,
    MODEL,
    Job,
    messages,
    read_job,
    read_texts,
    report,
    write_answers,
)
from lab.benchmarks.peers.scripts.crowd import ask_all


async def ask(job: Job) -> list[str | None]:
    """Send all rows from as many workers as calls may be in flight."""
    settings: dict[str, Any] = {"num_retries": 10} if job.variant == "retries" else {}

    async def ask_one(text: str) -> str | None:
        answer = await litellm.acompletion(
            model=f"openai/{MODEL}",
            messages=messages(text),
            max_tokens=MAX_TOKENS,
            base_url=job.openai_url,
            api_key=KEY,
            **settings,
        )
        content: str | None = answer.choices[0].message.content
        return content

    return await ask_all(read_texts(job), ask_one, job.in_flight)


def main() -> None:
    """Read the rows, call the API, write the answers."""
    job = read_job()
    answers = asyncio.run(ask(job))
    report(job, write_answers(job, answers), "litellm", "openai", "aiohttp")


if __name__ == "__main__":
    main()
