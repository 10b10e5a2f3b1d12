"""Who takes part: each peer with the settings it is run with, in words and for its script."""

from __future__ import annotations

from dataclasses import dataclass

from lab.benchmarks.peers.scenarios import SCENARIOS

ALL = frozenset(scenario.key for scenario in SCENARIOS)
LIMITED = frozenset(scenario.key for scenario in SCENARIOS if scenario.is_limited)
FREE = ALL - LIMITED


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
        scenarios: in which it takes part. Where nothing is refused, retries make no difference, so
            that one of two settings is enough.
    """

    name: str
    script: str
    environment: str = ""
    variant: str = ""
    settings: str
    is_slow: bool = True
    scenarios: frozenset[str] = ALL


CEILING = "wrk"
OURS = "this provider"
BY_HAND = "aiohttp by hand"
PEERS = (
    Peer(
        name=CEILING,
        script="",
        settings="one thread, no Parquet, answers are counted and thrown away: the ceiling",
        is_slow=False,
        scenarios=FREE,
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
        scenarios=LIMITED,
    ),
    Peer(
        name="openai",
        script="openai_client",
        environment="openai",
        settings="AsyncOpenAI with its defaults (2 retries), a fixed set of workers",
    ),
    Peer(
        name="openai, 10 retries",
        script="openai_client",
        environment="openai",
        variant="retries",
        settings="max_retries=10",
        scenarios=LIMITED,
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
        scenarios=LIMITED,
    ),
    Peer(
        name="litellm",
        script="litellm_client",
        environment="litellm",
        settings="acompletion with its defaults, a fixed set of workers",
    ),
    Peer(
        name="litellm, 10 retries",
        script="litellm_client",
        environment="litellm",
        variant="retries",
        settings="num_retries=10",
        scenarios=LIMITED,
    ),
    Peer(
        name="pydantic-ai",
        script="pydantic_agent",
        environment="pydantic-ai",
        settings="one Agent, run() a row, as common-ai's operators do; a fixed set of workers",
    ),
    Peer(
        name="pydantic-ai, 10 retries",
        script="pydantic_agent",
        environment="pydantic-ai",
        variant="retries",
        settings="its OpenAI client with max_retries=10",
        scenarios=LIMITED,
    ),
    Peer(
        name="saturate",
        script="saturate_pump",
        environment="saturate",
        settings="pump() with its defaults: begins with 16 in flight, finds its own window below ours",
    ),
    Peer(
        name="saturate, window given",
        script="saturate_pump",
        environment="saturate",
        variant="given",
        settings="begins with its maximum in flight; a part each 1,000 rows",
    ),
    Peer(
        name="Data Designer",
        script="data_designer_text",
        environment="data-designer",
        settings="one text column over a seed file; max_parallel_requests as for all, no early stop",
    ),
    Peer(
        name="daft",
        script="daft_prompt",
        environment="daft",
        settings="prompt() on its local runner; it decides how many calls are in flight",
    ),
    Peer(
        name="daft, 10 retries",
        script="daft_prompt",
        environment="daft",
        variant="retries",
        settings="on_error='ignore', max_retries=10",
        scenarios=LIMITED,
    ),
    Peer(
        name="curator, limits lifted",
        script="curator_llm",
        environment="curator",
        variant="lifted",
        settings="OpenAI backend; no limits of its own, a pause of 1 s after a 429",
    ),
    Peer(
        name="curator",
        script="curator_llm",
        environment="curator",
        settings="OpenAI backend with its defaults: at most 200 calls and 100,000 tokens a minute",
        scenarios=frozenset({"free-256"}),
    ),
)
