"""Questions to the API that cost nothing, put from blocking code: about the account, about a model."""

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
    """What the API's lists say about a model that it refuses.

    Attributes:
        replacement: what replaces it, unchecked; None for a model that is not deprecated.
        known: all ids of the list of models, unchecked; empty where it was not given out.
    """

    replacement: str | None = None
    known: frozenset[str] = frozenset()


def ask_account(endpoint: Endpoint) -> Account:
    """Return what the API says about the account and its key.

    Raises:
        ApiError: the API refused the key, or did not answer.
    """
    from airflow_provider_aimlapi.api.account import fetch_account

    return _ask(endpoint, lambda transport: fetch_account(endpoint, transport))


def ask_about_model(endpoint: Endpoint, model: str) -> ModelFacts:
    """Return what the lists say about a model; a list that is not given out says nothing."""
    from airflow_provider_aimlapi.api.model_list import fetch_model_ids, fetch_replacement

    async def ask(transport: httpx.AsyncBaseTransport) -> ModelFacts:
        with suppress(ApiError):
            replacement = await fetch_replacement(endpoint, transport, model)
            if replacement is not None:
                return ModelFacts(replacement=replacement)
        with suppress(ApiError):
            return ModelFacts(known=await fetch_model_ids(endpoint, transport))
        return ModelFacts()

    return _ask(endpoint, ask)


def _ask(endpoint: Endpoint, question: Callable[[httpx.AsyncBaseTransport], Awaitable[T]]) -> T:
    """Put a question over a connection of its own."""

    async def ask() -> T:
        from airflow_provider_aimlapi.api.http.transport import open_transport

        transport = open_transport(connections_max=1, route=endpoint.route)
        try:
            return await question(transport)
        finally:
            await transport.aclose()

    return in_own_thread(ask)


def in_own_thread(work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a coroutine on a loop in a thread of its own: the caller may run a loop already."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="aimlapi-test") as pool:
        return pool.submit(asyncio.run, work()).result()
