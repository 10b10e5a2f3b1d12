"""The rival: the loop that people write with aiohttp, its Parquet work included.

Run as `python by_hand.py INPUT OUTPUT BASE_URL IN_FLIGHT`; prints its own cost as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp
import pyarrow as pa
import pyarrow.parquet as pq
import uvloop

from lab.benchmarks.cost import own_cost

PROMPT = "Summarise in two sentences:\n\n{text}"


async def ask_all(texts: list[str], base_url: str, in_flight: int) -> list[str]:
    """Send one POST per row from a fixed number of workers."""
    answers = [""] * len(texts)
    rows = iter(enumerate(texts))
    connector = aiohttp.TCPConnector(limit=in_flight)
    headers = {"Authorization": "Bearer benchmark-key"}
    async with aiohttp.ClientSession(base_url, connector=connector, headers=headers) as session:

        async def work() -> None:
            for index, text in rows:
                body = {
                    "model": "anthropic/claude-sonnet-4-6-20260218",
                    "messages": [{"role": "user", "content": PROMPT.format(text=text)}],
                    "max_tokens": 1024,
                }
                async with session.post("/v1/chat/completions", json=body) as response:
                    response.raise_for_status()
                    answer = await response.json()
                answers[index] = answer["choices"][0]["message"]["content"]

        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(work())
    return answers


def main(source: str, target: str, base_url: str, in_flight: str) -> None:
    """Read the rows, call the API, write the answers."""
    table = pq.read_table(source)
    answers = uvloop.run(ask_all(table["text"].to_pylist(), base_url, int(in_flight)))
    table = table.append_column("completion", pa.array(answers))
    pq.write_table(table, target, compression="zstd", compression_level=1)
    sys.stdout.write(json.dumps({"rows": table.num_rows, **own_cost()}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
