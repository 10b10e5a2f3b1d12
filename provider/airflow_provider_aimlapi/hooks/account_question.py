"""The question of a connection test, put from blocking code. No completions: it spends nothing."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aimlapi.api.account import Account
    from airflow_provider_aimlapi.core.endpoint import Endpoint


def ask_account(endpoint: Endpoint) -> Account:
    """What the API says about the account and its key.

    The event loop gets a thread of its own: the caller, an API server perhaps, may run one already.

    Raises:
        ApiError: the API refused the key, or did not answer.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="aimlapi-test") as pool:
        return pool.submit(asyncio.run, _ask(endpoint)).result()


async def _ask(endpoint: Endpoint) -> Account:
    from airflow_provider_aimlapi.api.account import fetch_account
    from airflow_provider_aimlapi.api.transport import open_transport

    transport = open_transport(connections_max=1, route=endpoint.route)
    try:
        return await fetch_account(endpoint, transport)
    finally:
        await transport.aclose()
