"""Chromium, a real Airflow with its API server, and a job at work against the simulator.

Not collected by `make test`: a browser is not on every machine. `make test-browser` fetches one.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import sync_playwright

from aimlapi_simulator import simulator_thread
from aimlapi_simulator.faults.script import Fault, Latency, Limits, Script
from browser_tests.airflow_site import ADMIN, PASSWORD, USER, AirflowSite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext

HOSTILE = "<script>hacked('text')</script><img src=x onerror=hacked('text')>"
ROWS = 3_600
NAMES_RUN_S_MAX = 120.0
# What a script that got through would call. Nothing of ours does.
TRAP = "window.hits = []; window.hacked = (by) => window.hits.push(by);"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", default=None, help="a folder for pictures of the page")
    parser.addoption("--pictures", action="store_true", help="renew the documentation's pictures")


@pytest.fixture(scope="session")
def screenshots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    told = request.config.getoption("--screenshots")
    folder = Path(told) if told else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def hostile_answers() -> tuple[Fault, ...]:
    """A model that answers with a script, and errors that quote one."""
    message = {"role": "assistant", "content": HOSTILE}
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": HOSTILE,
        "choices": [{"index": 0, "message": message, "finish_reason": HOSTILE}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18},
        "meta": {"usage": {"credits_used": 200, "usd_spent": 0.0001}},
    }
    return (
        Fault(kind="raw", status=200, body=json.dumps(answer), times=5, after=30),
        Fault(kind="raw", status=400, body=json.dumps({"message": HOSTILE}), times=6, after=60),
        Fault(kind="raw", status=500, content_type="text/plain", body=HOSTILE, times=12, after=90),
        Fault(kind="503", share=0.006),
        Fault(kind="truncated", share=0.01),
        Fault(kind="refusal", share=0.004),
    )


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest, screenshots: Path) -> Path:
    """The folder of the documentation's pictures, if they are to be renewed."""
    is_wanted = request.config.getoption("--pictures")
    return request.config.rootpath / "provider" / "docs" / "images" if is_wanted else screenshots


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tickets in a file whose name is a script, in a folder whose name is one."""
    lake = tmp_path_factory.mktemp("lake")
    folder = lake / "<script>hacked('file')<" / "script>"
    folder.mkdir(parents=True)
    table = pa.table({"body": [f"Ticket {row}: the printer is on fire." for row in range(ROWS)]})
    pq.write_table(table, folder / "<img src=x onerror=hacked('file')>.parquet")
    return lake


@pytest.fixture(scope="session")
def site(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowSite]:
    script = Script(
        latency=Latency(median_s=0.9, sigma=0.5),
        limits=Limits(max_concurrent=60),
        faults=hostile_answers(),
    )
    arguments = {
        "input_path": str(lake / "<script>hacked('file')<" / "script>"),
        "output_path": str(lake / "ticket_summaries") + "/ds={{ ds }}",
        "prompt": "Summarise: {body}",
        "max_tokens": 64,
        "max_cost_usd": 20,
    }
    with simulator_thread() as simulator:
        simulator.follow(script)
        folder = tmp_path_factory.mktemp("airflow")
        with AirflowSite(folder, api_url=simulator.url, arguments=arguments) as site:
            yield site


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium, or else the one that playwright fetched."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def stranger(browser: Browser) -> Iterator[BrowserContext]:
    """Return a browser without a login."""
    context = browser.new_context()
    context.add_init_script(TRAP)
    yield context
    context.close()


def logs_in(browser: Browser, site: AirflowSite, user: str) -> Callable[..., BrowserContext]:
    """Return a function that logs a browser in by Airflow's form, once for each user."""
    first = browser.new_context()
    page = first.new_page()
    page.goto(f"{site.url}/", timeout=120_000)
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/auth/" not in url, timeout=120_000)
    state = first.storage_state()
    first.close()

    def log_in(**options: Any) -> BrowserContext:
        context = browser.new_context(storage_state=state, **options)
        context.add_init_script(TRAP)
        return context

    return log_in


@pytest.fixture(scope="session")
def session_of(browser: Browser, site: AirflowSite) -> Callable[..., BrowserContext]:
    """Ada's, who may look at what is not private."""
    return logs_in(browser, site, USER)


@pytest.fixture(scope="session")
def admin_session_of(browser: Browser, site: AirflowSite) -> Callable[..., BrowserContext]:
    """Grace's, who may see everything."""
    return logs_in(browser, site, ADMIN)


@pytest.fixture(scope="session")
def run_id(site: AirflowSite, session_of: Callable[..., BrowserContext]) -> str:
    """The run of a DAG run that is at work from now on, once there is a browser to watch it."""
    site.start_run()
    until_s = time.monotonic() + NAMES_RUN_S_MAX
    while not (found := site.run_id()) or not site.has_told(found):
        assert time.monotonic() < until_s, site.log()
        time.sleep(0.2)
    return found
