"""Free calls of the API from blocking code: about the account, about a model."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aimlapi.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    import httpx

    from airflow_provider_aimlapi.api.account import Account
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """The entries of the API's lists about a model that it refuses.

    Attributes:
        replacement: the model that replaces it, unchecked. None for a model that is not deprecated.
        known: all ids of the list of models, unchecked. Empty if the API did not return the list.
    """

    replacement: str | None = None
    known: frozenset[str] = frozenset()


def ask_account(endpoint: Endpoint) -> Account:
    """Return the account and its key, as the API reports them.

    Raises:
        ApiError: the API refused the key, or did not answer.
    """
    from airflow_provider_aimlapi.api.account import fetch_account

    return _call_api(endpoint, lambda transport: fetch_account(endpoint, transport))


def ask_about_model(endpoint: Endpoint, model: str) -> ModelFacts:
    """Return the entries about a model. A list that the API does not return counts as empty."""
    from airflow_provider_aimlapi.api.model_list import fetch_model_ids, fetch_replacement

    async def fetch_facts(transport: httpx.AsyncBaseTransport) -> ModelFacts:
        # A deprecated model may still be listed, so its replacement comes first.
        with suppress(ApiError):
            replacement = await fetch_replacement(endpoint, transport, model)
            if replacement is not None:
                return ModelFacts(replacement=replacement)
        with suppress(ApiError):
            return ModelFacts(known=await fetch_model_ids(endpoint, transport))
        return ModelFacts()

    return _call_api(endpoint, fetch_facts)


def _call_api(endpoint: Endpoint, work: Callable[[httpx.AsyncBaseTransport], Awaitable[T]]) -> T:
    """Return the result of a call over a connection of its own."""

    async def run_call() -> T:
        from airflow_provider_aimlapi.api.http.transport import open_transport

        transport = open_transport(connections_max=1, route=endpoint.route)
        try:
            return await work(transport)
        finally:
            await transport.aclose()

    return in_own_thread(run_call)


def in_own_thread(work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Return a coroutine's result, run in a thread of its own, because the caller may run a loop."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="aimlapi-test") as pool:
        return pool.submit(asyncio.run, work()).result()
