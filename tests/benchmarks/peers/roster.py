"""Who takes part: each peer with the settings it is run with, in words and for its script."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One contender.

    Attributes:
        name: of the line in the tables; names one setting of one library.
        script: module under `scripts`; "" for the ceiling, which is no Python.
        environment: folder under `environments` that locks its packages; "" for the project's own.
        variant: what the script is told.
        settings: in words, for the page.
        is_slow: whether it gets the fewer rows where there is no limit.
        is_for_free, is_for_limits: in which scenarios it takes part. Where nothing is refused,
            retries make no difference, so that one of two settings is enough.
    """

    name: str
    script: str
    environment: str = ""
    variant: str = ""
    settings: str
    is_slow: bool = True
    is_for_free: bool = True
    is_for_limits: bool = True


CEILING = "wrk"
OURS = "this provider"
BY_HAND = "aiohttp by hand"
PEERS = (
    Peer(
        name=CEILING,
        script="",
        settings="one thread, no Parquet, answers are counted and thrown away: the ceiling",
        is_slow=False,
        is_for_limits=False,
    ),
    Peer(
        name=OURS,
        script="provider",
        settings="the operator's defaults, the ceiling on calls in flight given; with its journal",
        is_slow=False,
    ),
    Peer(
        name=BY_HAND,
        script="hand_written",
        settings="uvloop, a fixed set of workers, no retries, no journal",
        is_slow=False,
    ),
    Peer(
        name="aiohttp by hand, 10 tries",
        script="hand_written",
        variant="retries",
        settings="the same with tenacity: 10 tries, random exponential waits from 1 to 60 s",
        is_slow=False,
        is_for_free=False,
    ),
    Peer(
        name="openai",
        script="openai_client",
        environment="openai",
        settings="AsyncOpenAI as it comes (2 retries), a fixed set of workers",
    ),
    Peer(
        name="openai, 10 retries",
        script="openai_client",
        environment="openai",
        variant="retries",
        settings="max_retries=10",
        is_for_free=False,
    ),
    Peer(
        name="openai on aiohttp",
        script="openai_client",
        environment="openai",
        variant="aiohttp",
        settings="http_client=DefaultAioHttpClient(), 2 retries",
    ),
    Peer(
        name="openai on aiohttp, 10 retries",
        script="openai_client",
        environment="openai",
        variant="aiohttp retries",
        settings="http_client=DefaultAioHttpClient(), max_retries=10",
        is_for_free=False,
    ),
)
