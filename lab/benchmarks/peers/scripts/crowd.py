"""Sends many rows at once by a coroutine that sends one, from a fixed number of workers."""

from __future__ import annotations

import asyncio
import collections
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


async def ask_all(
    texts: Sequence[str], ask: Callable[[str], Awaitable[str | None]], in_flight: int
) -> list[str | None]:
    """Return one answer per text, None if its call failed finally. Kinds of failure go to stderr."""
    answers: list[str | None] = [None] * len(texts)
    rows = iter(enumerate(texts))
    failures: collections.Counter[str] = collections.Counter()

    async def work() -> None:
        for index, text in rows:
            try:
                answers[index] = await ask(text)
            except Exception as error:  # noqa: BLE001  # whatever a peer raises, the row is lost
                failures[type(error).__name__] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(in_flight):
            tasks.create_task(work())
    if failures:
        sys.stderr.write(f"rows lost by error: {dict(failures)}\n")
    return answers
