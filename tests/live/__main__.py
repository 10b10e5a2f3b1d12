"""`python -m tests.live [--yes]`: the wire contract against the real API. States the cost, and asks.

AIMLAPI_KEY holds the key. AIMLAPI_BASE_URL names another API, such as a simulator.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.http.transport import open_transport
from airflow_provider_aimlapi.api.price_list import fetch_prices
from airflow_provider_aimlapi.commands.endpoint_variable import endpoint_from_key
from airflow_provider_aimlapi.core.texts.wording import format_usd
from airflow_provider_aimlapi.errors import AimlapiError, SetupError
from tests.live.calls import CALLS, MODELS, most_nano_usd

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint
    from airflow_provider_aimlapi.core.money.pricing import TokenPrices

KEY, BASE_URL = "AIMLAPI_KEY", "AIMLAPI_BASE_URL"
TESTS = "tests/contract/test_live_wire.py"


def main() -> int:
    """Exit status: 0 all held, 1 a test or the API failed, 2 wrongly asked."""
    parser = ArgumentParser(prog="make live")
    parser.add_argument("--yes", action="store_true", help="spend without asking")
    is_confirmed = parser.parse_args().yes
    if not os.environ.get(KEY):
        print(f"make live: set {KEY} to a key from https://aimlapi.com/app/keys.", file=sys.stderr)
        return 2
    try:
        endpoint = endpoint_from_key(os.environ, KEY, base_url=os.environ.get(BASE_URL))
        prices = asyncio.run(known_prices(endpoint))
    except AimlapiError as error:
        print(f"make live: {error}", file=sys.stderr)
        return 2 if isinstance(error, SetupError) else 1
    announce(endpoint, prices)
    if not is_confirmed and not sys.stdin.isatty():
        print(
            "make live: there is no terminal to ask at. Add YES=1 to spend this.", file=sys.stderr
        )
        return 2
    if not is_confirmed and input("Make these calls? [y/N] ").strip().lower() not in ("y", "yes"):
        print("Nothing was sent.")
        return 0
    return run_tests(endpoint, list(prices))


async def known_prices(endpoint: Endpoint) -> dict[str, TokenPrices]:
    """The prices of those models that the list quotes. Free."""
    found = {}
    async with open_transport(connections_max=1, route=endpoint.route) as transport:
        for model in MODELS:
            prices = await fetch_prices(endpoint, transport, model)
            if prices is not None:
                found[model] = prices
    return found


def announce(endpoint: Endpoint, prices: dict[str, TokenPrices]) -> None:
    """Say what may be spent, and where."""
    calls = sum(call.model in prices for call in CALLS)
    print(f"The wire contract is tested against {endpoint.origin}.")
    print(f"It makes {calls} calls, for at most {format_usd(most_nano_usd(prices))}.")
    for model in MODELS:
        if model not in prices:
            print(f"{model} is left out: the price list names no price for it.")
    sys.stdout.flush()


def run_tests(endpoint: Endpoint, models: list[str]) -> int:
    """Hand the key on under a name that the other tests do not clear away."""
    with tempfile.TemporaryDirectory() as folder:
        bill = Path(folder, "bill")
        variables = {
            "LIVE_API_KEY": endpoint.key,
            "LIVE_API_URL": endpoint.base_url,
            "LIVE_API_MODELS": ",".join(models),
            "LIVE_API_BILL": str(bill),
        }
        tests = [sys.executable, "-m", "pytest", "-q", "-m", "live", TESTS]
        ended = subprocess.run(tests, env={**os.environ, **variables}, check=False)
        if bill.exists():
            print(bill.read_text())
    return min(ended.returncode, 1)


if __name__ == "__main__":
    sys.exit(main())
