"""OpenAI's own client, on its default HTTP client or on aiohttp."""

from __future__ import annotations

import asyncio
from typing import Any

import openai

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
    """Send all rows by one client, from as many workers as calls may be in flight."""
    settings: dict[str, Any] = {}
    if "aiohttp" in job.variant:
        settings["http_client"] = openai.DefaultAioHttpClient()
    if "retries" in job.variant:
        settings["max_retries"] = 10
    async with openai.AsyncOpenAI(base_url=job.openai_url, api_key=KEY, **settings) as client:

        async def ask_one(text: str) -> str | None:
            answer = await client.chat.completions.create(
                model=MODEL, messages=messages(text), max_tokens=MAX_TOKENS
            )
            content: str | None = answer.choices[0].message.content
            return content

        return await ask_all(read_texts(job), ask_one, job.in_flight)


def main() -> None:
    """Read the rows, call the API, write the answers."""
    job = read_job()
    answers = asyncio.run(ask(job))
    transport = "aiohttp" if "aiohttp" in job.variant else "httpx2"
    report(job, write_answers(job, answers), "openai", transport)


if __name__ == "__main__":
    main()
