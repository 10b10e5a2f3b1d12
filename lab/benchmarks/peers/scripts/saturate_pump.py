"""saturate's `pump`: rows in, Parquet parts out, with its own window and journal of parts."""

from __future__ import annotations

from typing import Any

import saturate

from lab.benchmarks.peers.scripts.account import (
    KEY,
    MAX_TOKENS,
    MODEL,
    Job,
    messages,
    read_job,
    read_texts,
    report,
)


def to_request(row: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a call."""
    return {"model": MODEL, "messages": messages(row["text"]), "max_tokens": MAX_TOKENS}


def parse(row: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of the output."""
    return {**row, "completion": answer["choices"][0]["message"]["content"]}


def pump(job: Job) -> int:
    """Run it; how many rows have an answer.

    As it comes it begins with 16 in flight and finds its own way, up to 512, and writes a part every
    10 rows; the variant begins at what all others are allowed, and writes every 1,000.
    """
    rows = ((str(number), {"text": text}) for number, text in enumerate(read_texts(job)))
    settings: dict[str, Any] = {"window": saturate.Auto(max_limit=job.in_flight)}
    if job.variant == "given":
        window = saturate.Auto(initial=job.in_flight, max_limit=job.in_flight)
        settings = {"window": window, "flush_every": 1_000}
    stats = saturate.pump(
        rows,
        to_request=to_request,
        parse=parse,
        endpoint=job.openai_url,
        output=str(job.target),
        headers={"Authorization": f"Bearer {KEY}"},
        **settings,
    )
    return int(stats.rows_processed)


def main() -> None:
    """Read the rows, call the API, write the answers."""
    job = read_job()
    report(job, pump(job), "saturate", "httpx2", "pyarrow")


if __name__ == "__main__":
    main()
