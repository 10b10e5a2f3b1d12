"""A run over a small input, its store in memory, its time virtual, its API scripted."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import parquet as pq

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
from airflow_provider_aimlapi.core.calls.request import CompletionSpec
from airflow_provider_aimlapi.core.durable.journal import Record, answer_record, interim_record
from airflow_provider_aimlapi.engine.durable.earlier_attempts import find_earlier_answers
from airflow_provider_aimlapi.engine.job import Job, OpenLocation
from airflow_provider_aimlapi.engine.prepare import prepare_run
from airflow_provider_aimlapi.engine.row import Row
from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
from airflow_provider_aimlapi.engine.world import World
from airflow_provider_aimlapi.storage.runs.journal_store import JournalStore
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_loop import VirtualClock

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.texts.setting_ranges import OnTruncated
    from airflow_provider_aimlapi.engine.durable.earlier_answers import EarlierAnswers
    from airflow_provider_aimlapi.engine.prepared import Prepared

ANSWER = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}'
COMPLETION = Answer(
    status=200, content_type="application/json", body=ANSWER, usd_spent="0.000000100"
)
MODEL = "anthropic/claude-sonnet-4-6-20260218"


class ScriptedApi:
    """Answers each call with the next step of a script, and all others with a completion.

    Args:
        steps: answers, or errors to raise.

    Attributes:
        bodies: the requests, in the order of their calls.
    """

    def __init__(self, *steps: Answer | Exception) -> None:
        self.bodies: list[bytes] = []
        self._steps = list(steps)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def send(self, body: bytes, client_request_id: str) -> Answer:
        """Answer after a second."""
        del client_request_id
        self.bodies.append(body)
        await asyncio.sleep(1.0)
        step = self._steps.pop(0) if self._steps else COMPLETION
        if isinstance(step, Exception):
            raise step
        return step


@dataclass
class PreparedRun:
    """A run over one file, whose rows are these texts. A None is a null.

    Attributes:
        on_truncated, max_tokens: of the job.
        store: its output.
        clock: its time.
        changes: how its job differs from the usual one.
        job: what it is to do.
        prepared: the run, checked and planned.
    """

    texts: list[str | None]
    on_truncated: OnTruncated = "keep"
    max_tokens: int | None = 64
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: VirtualClock = field(default_factory=VirtualClock)
    changes: dict[str, Any] = field(default_factory=dict)
    job: Job = field(init=False)
    prepared: Prepared = field(init=False)

    def __post_init__(self) -> None:
        files = MemoryFileSystem()
        files.store = {}  # the class shares one
        sink = io.BytesIO()
        pq.write_table(pa.table({"body": pa.array(self.texts, pa.string())}), sink)
        files.pipe_file("/in/a.parquet", sink.getvalue())
        self.job = self._job(files)
        self.prepared = prepare_run(self.job, lambda _: self.store, self.clock)

    def row(self, index: int) -> Row:
        """Return a row that is ready to be sent."""
        row = self.prepared.maker.make_row(0, index, (self.texts[index],), self.clock)
        assert isinstance(row, Row)
        return row

    def journal(self, *records: Record, epoch: int = 1) -> None:
        """Write a segment as an earlier attempt does."""
        JournalStore(self.store, self.prepared.names, epoch).append_records(0, records)

    def earlier(self, *, retry_rejected: bool = False) -> EarlierAnswers:
        """Read what earlier attempts have left."""
        return find_earlier_answers(self.prepared, self.clock, retry_rejected=retry_rejected)

    def world(self, api: ScriptedApi, stop: StopSignal | None = None) -> World:
        """Return an environment with this API and no price list."""

        async def no_prices(_model: str) -> None:
            return None

        return World(
            clock=self.clock,
            random=Random(1),  # noqa: S311  # the same each time
            open_client=lambda: api,
            ask_prices=no_prices,
            open_store=lambda _: self.store,
            stop=stop or StopSignal(),
        )

    def _job(self, files: Any) -> Job:
        usual = Job(
            completion=CompletionSpec(model=MODEL, max_tokens=self.max_tokens),
            on_truncated=self.on_truncated,
            prompt="Q: {body}",
            system=None,
            output_column="completion",
            limit_rows=None,
            endpoint=Endpoint(base_url="https://api.example", key="a-key-of-tests"),
            input=OpenLocation(fs=files, path="/in"),
            output=OpenLocation(fs=files, path="/out"),
        )
        return replace(usual, **self.changes)


def answer_to(row: Row) -> Record:
    """Return the record of an accepted answer to a row."""
    return Record(
        kind="answer",
        row=row.row,
        request_hash=row.request_hash,
        attempts=1,
        completed_at_us=1,
        status=200,
        content_type="application/json",
        body=ANSWER,
    )


def interim_of(row: Row, answer: Answer) -> Record:
    """Return the record of an answer after which a row is sent again."""
    return interim_record(answer_record(answer, row.call_record(1)))


def rejection_of(row: Row, cost_nano_usd: int = 0) -> Record:
    """Return the record of a rejected row that has cost something."""
    return Record(
        kind="rejected",
        row=row.row,
        request_hash=row.request_hash,
        attempts=2,
        completed_at_us=1,
        reason="no",
        in_full="no",
        unread_cost_nano_usd=cost_nano_usd,
    )
