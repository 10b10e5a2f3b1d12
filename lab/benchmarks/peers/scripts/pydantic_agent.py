"""pydantic-ai's agent, which Airflow's common-ai operators use: one agent, one `run` per row."""

from __future__ import annotations

import asyncio
from typing import Any

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from lab.benchmarks.peers.scripts.account import (
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
from lab.benchmarks.peers.scripts.crowd import ask_all


def make_agent(job: Job) -> Agent[None, Any]:
    """Return an agent for an endpoint with OpenAI's protocol. Its client makes the retries."""
    if job.variant == "retries":
        client = AsyncOpenAI(base_url=job.openai_url, api_key=KEY, max_retries=10)
        provider = OpenAIProvider(openai_client=client)
    else:
        provider = OpenAIProvider(base_url=job.openai_url, api_key=KEY)
    model = OpenAIChatModel(MODEL, provider=provider)
    if job.variant == "typed":
        from lab.benchmarks.peers.scripts.article import Article

        return Agent(model, output_type=Article)
    return Agent(model)


async def ask(job: Job) -> list[str | None]:
    """Send all rows from as many workers as calls may be in flight."""
    agent = make_agent(job)

    async def ask_one(text: str) -> str:
        # Its own setting sends `max_tokens` under a name that this API does not know.
        settings = ModelSettings(extra_body={"max_tokens": MAX_TOKENS})
        result = await agent.run(PROMPT.format(text=text), model_settings=settings)
        output = result.output
        return str(output.model_dump_json() if job.variant == "typed" else output)

    return await ask_all(read_texts(job), ask_one, job.in_flight)


def main() -> None:
    """Read the rows, call the API, write the answers."""
    job = read_job()
    answers = asyncio.run(ask(job))
    report(job, write_answers(job, answers), "pydantic-ai-slim", "openai", "httpx2")


if __name__ == "__main__":
    main()
