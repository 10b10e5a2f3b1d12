"""aiohttp by hand: as in `lab.benchmarks.by_hand`, and with tenacity's retries about the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import tenacity
import uvloop

from lab.benchmarks import by_hand
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

if TYPE_CHECKING:
    from collections.abc import Sequence


async def ask_with_retries(texts: Sequence[str], job: Job) -> list[str | None]:
    """Call as common scripts do after their first 429: ten tries, with waits that double up to a minute."""
    connector = aiohttp.TCPConnector(limit=job.in_flight)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(job.url, connector=connector, headers=headers) as session:

        @tenacity.retry(
            wait=tenacity.wait_random_exponential(min=1, max=60),
            stop=tenacity.stop_after_attempt(10),
        )
        async def ask(text: str) -> str:
            body = {"model": MODEL, "messages": messages(text), "max_tokens": MAX_TOKENS}
            async with session.post("/v1/chat/completions", json=body) as response:
                response.raise_for_status()
                answer = await response.json()
            content: str = answer["choices"][0]["message"]["content"]
            return content

        return await ask_all(texts, ask, job.in_flight)


def main() -> None:
    """Read the rows, call the API, write the answers."""
    job = read_job()
    texts = read_texts(job)
    answers: Sequence[str | None]
    if job.variant == "retries":
        answers = uvloop.run(ask_with_retries(texts, job))
    else:
        answers = uvloop.run(by_hand.ask_all(texts, job.url, job.in_flight))
    report(job, write_answers(job, answers), "aiohttp", "uvloop", "tenacity")


if __name__ == "__main__":
    main()
