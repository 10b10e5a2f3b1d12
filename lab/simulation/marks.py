"""Runs whose requests are marked for the prompt cache, under the same kills, freezes and bad weather.

Each seed has one cache: it works, misses each time, ignores marks, or the API refuses them. The API reads
each marked request as a model would, and blames a run that marks a row's text, or writes the head twice at
once.
"""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import msgspec

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.message import message_of
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.durable.keys import request_hash
from airflow_provider_aimlapi.core.marks.head_cache import LEAD_S, MISSES_MAX
from lab.simulation.dataset_shapes import PROMPT, Shape
from lab.simulation.scenario import scenario_of
from lab.simulation.simulated_api import SimulatedApi
from lab.simulation.simulation import Simulation, Verdict

if TYPE_CHECKING:
    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.engine.job import Job
    from lab.simulation.scenario import Scenario
    from lab.simulation.simulated_api import Call

CacheMode = Literal["works", "misses", "ignored", "refused"]
MODES: tuple[CacheMode, ...] = ("works", "works", "misses", "ignored", "refused")
HEAD = "Answer briefly. " * 500
MARKED = HEAD + PROMPT.partition("{")[0]
HEAD_TOKENS = 2_000
KEPT_S = 300.0
BEGINS_S = 0.1
"""From a call's arrival to the beginning of its answer."""
FROZEN_S = 2.0
"""A call that takes longer to arrive was held back by a freeze, which no rule of the client can know."""
LONG = Shape(rows=(70,))
"""For caches that bring nothing: a run has to be longer than the answers that show it."""
MODEL = "anthropic/claude-sonnet-4-6-20260218"


def mode_of(seed: int) -> CacheMode:
    """Return how the cache of a seed behaves."""
    return Random(f"{seed} marks").choice(MODES)


class CachingApi(SimulatedApi):
    """Has a prompt cache.

    Attributes:
        mode: how it behaves.
        faults: what was wrong with marked calls, in words.
    """

    mode: CacheMode = "works"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.faults: list[str] = []
        self.marked: list[bool] = []  # by the number of the call
        self._writes: list[Call] = []
        self._readable_s, self._kept_until_s = float("inf"), 0.0

    def name_of(self, body: bytes) -> str:
        """Return the prompt of a row, without the head. Note whether the head is marked."""
        content = json.loads(body)["messages"][0]["content"]
        parts = content if isinstance(content, list) else [{"text": content}]
        marks = [number for number, part in enumerate(parts) if "cache_control" in part]
        prompt = "".join(part["text"] for part in parts).removeprefix(HEAD)
        if marks and (marks != [0] or parts[0]["text"] != MARKED):
            self.faults.append(f"the mark of {prompt!r} is in a wrong place")
        self.marked.append(bool(marks))
        return prompt

    def status_for(self, call: Call) -> int:
        """Return the status of a call's answer in good weather."""
        is_refused = self.mode == "refused" and self.marked[call.number]
        return 400 if is_refused else super().status_for(call)

    def completion(self, call: Call) -> Answer:
        """Return the answer to a call, with the tokens that it read and wrote."""
        read, written = self._use(call) if self.marked[call.number] else (0, 0)
        plain = super().completion(call)
        payload = json.loads(plain.body)
        details = {"cached_tokens": read, "cache_write_tokens": written}
        payload["usage"] |= {"prompt_tokens": HEAD_TOKENS + 7, "prompt_tokens_details": details}
        return msgspec.structs.replace(plain, body=json.dumps(payload).encode())

    def _use(self, call: Call) -> tuple[int, int]:
        """Return the tokens that a marked call reads and writes."""
        now_s = self._scheduler.now_s
        if self.mode != "works":
            return (0, HEAD_TOKENS * (self.mode == "misses"))
        is_kept = self._readable_s <= now_s < self._kept_until_s
        self._kept_until_s = now_s + KEPT_S
        if is_kept:
            return HEAD_TOKENS, 0
        self._readable_s = now_s + BEGINS_S
        self._check_alone(call, now_s)
        return 0, HEAD_TOKENS

    def _check_alone(self, call: Call, now_s: float) -> None:
        """Blame a process that writes the head while its last write has not been answered."""
        if now_s - call.sent_s < FROZEN_S:
            for other in self._writes:
                is_out = other.end is None and other.process is call.process
                if is_out and 0 <= call.sent_s - other.sent_s < LEAD_S - 1:
                    self.faults.append(f"call {call.number} writes beside call {other.number}")
        self._writes.append(call)


class MarkedSimulation(Simulation):
    """One scenario with marked requests, from its first attempt to a re-run of the published run."""

    api_class: ClassVar[type[SimulatedApi]] = CachingApi

    def __init__(self, scenario: Scenario) -> None:
        mode = mode_of(scenario.seed)
        if mode in ("misses", "ignored"):
            settings = replace(scenario.settings, max_rejected_rows=0)
            scenario = replace(scenario, shape=LONG, settings=settings)
        super().__init__(scenario)
        assert isinstance(self.api, CachingApi)
        self._caching = self.api
        self._caching.mode = mode
        self._encoder = RequestEncoder(CompletionSpec(model=MODEL, max_tokens=64))

    def _job(self) -> Job:
        job = super()._job()
        return replace(job, prompt=HEAD + job.prompt)

    def check_row(self, row: dict[str, Any], prompt: str) -> None:
        """Check that the hash of a row's request is that of the request without a mark."""
        body = self._encoder.encode_request(message_of(HEAD + prompt, None))
        if row["completion_info"]["request_hash"] != request_hash(body):
            self.watcher.blame(f"{prompt!r} has the hash of another request")

    def _judge(self) -> None:
        super()._judge()
        for fault in self._caching.faults:
            self.watcher.blame(fault)
        if self._caching.mode in ("misses", "ignored"):
            self._check_drops()

    def _check_drops(self) -> None:
        """Check that marks which bring nothing are dropped."""
        most = 1 + MISSES_MAX + 2 * self.scenario.settings.max_concurrency
        for process in self.processes:
            answered = [
                call
                for call in self.api.ledger.calls
                if call.process is process
                and call.end == "answered"
                and self._caching.marked[call.number]
            ]
            if len(answered) > most:
                self.watcher.blame(f"{process.name} goes on with marks after {len(answered)} calls")


def simulate_marks(seed: int) -> Verdict:
    """Run the scenario of a seed with marked requests, and judge it."""
    return MarkedSimulation(scenario_of(seed)).run()
