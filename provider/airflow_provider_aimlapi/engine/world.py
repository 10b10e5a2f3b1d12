"""A run's environment: clock, randomness, API client, object store, stop signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from airflow_provider_aimlapi.engine.runtime.retry import persist_until_stopped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from random import Random

    from airflow_provider_aimlapi.answer import Answer
    from airflow_provider_aimlapi.api.account import Account
    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices
    from airflow_provider_aimlapi.core.reporting.lineage import Lineage
    from airflow_provider_aimlapi.core.reporting.run_progress import RunProgress
    from airflow_provider_aimlapi.engine.job import OpenLocation
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.engine.runtime.stop import StopSignal
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

P = ParamSpec("P")
T = TypeVar("T")


class Client(Protocol):
    """Sends a request body; see `api.client.CompletionClient`."""

    async def send(self, body: bytes, client_request_id: str) -> Answer:
        """Send the body once, and return the answer of any status."""
        ...


class ProgressSink(Protocol):
    """Stores progress. Both methods block, are called in threads, and may raise anything.

    Attributes:
        interval_s: seconds between two calls of `publish`.
        is_shared: whether other attempts of the run write to the same place.
    """

    @property
    def interval_s(self) -> float: ...  # noqa: D102
    @property
    def is_shared(self) -> bool: ...  # noqa: D102

    def recall(self) -> bytes | None:
        """Return what was published last, perhaps by an earlier attempt; None for nothing."""
        ...

    def publish(self, data: bytes) -> None:
        """Store this progress, as JSON, over the earlier one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The environment, which a test replaces.

    Attributes:
        clock: time and threads.
        random: jitter.
        open_client: opens the connections for calls.
        ask_prices: fetches a model's prices; None for a model without token prices.
        open_store: opens the object store of the output.
        stop: the request to stop.
        open_sink: opens the sink for progress; None for no progress.
        render_report: makes the report's HTML; None for no report.
        ask_account: fetches balance and key, free of charge; None if there is no account to fetch.
        emit_lineage: called once, when the run may start, with what it reads and adds. It must not
            block or raise.
    """

    clock: Clock
    random: Random
    open_client: Callable[[], AbstractAsyncContextManager[Client]]
    ask_prices: Callable[[str], Awaitable[TokenPrices | None]]
    open_store: Callable[[OpenLocation], ObjectStore]
    stop: StopSignal
    open_sink: Callable[[ObjectStore, RunNames], ProgressSink] | None = None
    render_report: Callable[[RunProgress], bytes] | None = None
    ask_account: Callable[[], Awaitable[Account]] | None = None
    emit_lineage: Callable[[Lineage], None] = lambda _lineage: None

    async def scan(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work that a stop may end early; see `runtime.retry.persist_until_stopped`."""
        return await persist_until_stopped(self.stop, self.clock, call, *args, **kwargs)
