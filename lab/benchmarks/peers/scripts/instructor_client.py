"""instructor on OpenAI's client: one forced tool a row, whose arguments become an object of a class."""

from __future__ import annotations

import asyncio

import instructor
from openai import AsyncOpenAI

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
from lab.benchmarks.peers.scripts.article import Article
from lab.benchmarks.peers.scripts.crowd import ask_all


async def ask(job: Job) -> list[str | None]:
    """Send all rows from as many workers as calls may be in flight."""
    client = instructor.from_openai(AsyncOpenAI(base_url=job.openai_url, api_key=KEY))

    async def ask_one(text: str) -> str:
        article = await client.chat.completions.create(
            model=MODEL,
            messages=messages(text),
            max_tokens=MAX_TOKENS,
            response_model=Article,
            max_retries=1,
        )
        return str(article.model_dump_json())

    return await ask_all(read_texts(job), ask_one, job.in_flight)


def main() -> None:
    """Read the rows, call the API, write the answers."""
    job = read_job()
    answers = asyncio.run(ask(job))
    report(job, write_answers(job, answers), "instructor", "openai")


if __name__ == "__main__":
    main()
