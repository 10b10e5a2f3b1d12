"""The run page in real Chromium: it loads, it updates, and it runs no injected script.

The tests follow one run in this order: running, published, then its report as a file.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from browser_tests.airflow_site import DAG_ID
from browser_tests.axe_rules import violations
from browser_tests.conftest import HOSTILE, ROWS
from browser_tests.layout import overflows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    from browser_tests.airflow_site import AirflowSite

WAIT_MS = 120_000


def number(text: str | None) -> int:
    return int((text or "0").replace(",", ""))


def wait_until(page: Page, is_so: Callable[[], bool]) -> None:
    """Wait by repeated reads from outside, because the page's policy forbids evaluation inside."""
    until_s = time.monotonic() + WAIT_MS / 1000
    while not is_so():
        assert time.monotonic() < until_s
        page.wait_for_timeout(200)


def check_errors(page: Page) -> None:
    """Check that the page shows the kinds of errors, and no text of the API."""
    said = page.locator("#errors").text_content() or ""
    assert "RequestRejected" in said
    assert "hacked" not in said


def check_untouched(page: Page) -> None:
    """No script but ours has run, and what was to be one stands there to be read."""
    assert page.evaluate("window.hits") == []
    assert page.locator("img, script:not([src]):not([type]), iframe").count() == 0
    check_errors(page)
    assert "<script>hacked('file')</script>" in (page.locator("#input").text_content() or "")


def picture(page: Page, path: Path, until: str = "#errors-card") -> None:
    """For the documentation: what stands above an element, of a run on paths as people have them."""
    paths = {
        "input": "s3://lake/tickets/ds=2026-01-01",
        "output": "s3://lake/ticket_summaries/ds=2026-01-01",
    }
    is_shown = False
    while not is_shown:  # the page sets its own texts again when it updates
        for name, told in paths.items():
            page.evaluate(
                "([id, told]) => { document.getElementById(id).textContent = told; }", [name, told]
            )
        box = page.locator(until).bounding_box()
        assert box is not None
        page.screenshot(path=path, clip={"x": 0, "y": 0, "width": 1280, "height": box["y"] - 4})
        is_shown = all(page.locator(f"#{name}").text_content() == paths[name] for name in paths)


@pytest.mark.timeout(600)
def test_the_tab_loads_and_follows_the_run(
    site: AirflowSite, run_id: str, session_of: Callable[..., BrowserContext], screenshots: Path
) -> None:
    context = session_of(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    began_s = time.monotonic()
    page.goto(site.tab(run_id))
    frame = page.frame_locator("iframe")
    rows = frame.locator("#rows-done")
    rows.wait_for(timeout=WAIT_MS)
    print(
        f"\nthe tab showed the run {time.monotonic() - began_s:.1f} s after its address was asked"
    )
    first = number(rows.text_content())
    changes: list[float] = []
    seen, changed_s = first, time.monotonic()
    while len(changes) < 5:
        page.wait_for_timeout(100)
        now = number(rows.text_content())
        if now != seen:
            changes.append(time.monotonic() - changed_s)
            seen, changed_s = now, time.monotonic()
        assert time.monotonic() - changed_s < WAIT_MS / 1000, site.log()
    print("seconds between two updates:", ", ".join(f"{gap:.1f}" for gap in changes))
    assert first < seen < ROWS
    assert frame.locator("#state").text_content() == "running"
    assert frame.locator("#all").is_visible()
    assert frame.locator("#back").is_hidden()
    page.screenshot(path=screenshots / "tab.png")
    context.close()


@pytest.mark.timeout(600)
def test_page_follows_a_run_to_its_publication(
    site: AirflowSite, run_id: str, session_of: Callable[..., BrowserContext], pictures: Path
) -> None:
    context = session_of(viewport={"width": 1280, "height": 1080}, color_scheme="light")
    problems: list[str] = []
    page = context.new_page()
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    began_s = time.monotonic()
    page.goto(site.page(run_id))
    page.locator("#rows-done").wait_for()
    print(
        f"\nthe page showed the run {time.monotonic() - began_s:.2f} s after its address was asked"
    )
    rows, state = page.locator("#rows-done"), page.locator("#state")
    wait_until(page, lambda: number(rows.text_content()) > ROWS * 0.7)
    assert violations(page) == []
    picture(page, pictures / "run-page.png")
    wait_until(page, lambda: state.text_content() == "published")
    assert number(rows.text_content()) == ROWS
    assert page.locator("canvas").count() == 4
    assert problems == []
    check_untouched(page)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 420])
def test_it_fits_into_a_window(
    site: AirflowSite,
    run_id: str,
    session_of: Callable[..., BrowserContext],
    screenshots: Path,
    scheme: Any,
    width: int,
) -> None:
    context = session_of(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page = context.new_page()
    page.goto(site.page(run_id))
    page.locator("canvas").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert overflows(page) == []
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert violations(page) == []
    page.screenshot(path=screenshots / f"published-{scheme}-{width}.png", full_page=True)
    context.close()


def test_without_a_login_it_is_refused(
    site: AirflowSite, run_id: str, stranger: BrowserContext
) -> None:
    page = stranger.new_page()
    for address in ("page", "progress", "report"):
        answer = page.goto(site.page(run_id).replace("/aimlapi/page", f"/aimlapi/{address}"))
        assert answer is not None
        assert answer.status == 401
        assert DAG_ID not in page.content()
    page.goto(site.tab(run_id))
    page.wait_for_url("**/auth/**")


def test_policy_stops_an_injected_script(
    site: AirflowSite, run_id: str, session_of: Callable[..., BrowserContext]
) -> None:
    """Were a text ever put in as HTML, the browser would not run it."""
    context = session_of()
    page = context.new_page()
    page.goto(site.page(run_id))
    page.locator("#rows-done").wait_for()
    page.evaluate(
        "html => { document.body.insertAdjacentHTML('beforeend', html);"
        " const script = document.createElement('script'); script.textContent = \"hacked('inline')\";"
        " document.body.append(script); }",
        HOSTILE,
    )
    page.wait_for_timeout(500)
    assert page.evaluate("window.hits") == []
    context.close()


def test_the_report_is_one_file_that_reads_without_airflow(
    browser: Browser, site: AirflowSite, run_id: str, lake: Path, screenshots: Path
) -> None:
    (report,) = lake.rglob("report.html")
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 1000})
    context.add_init_script("window.hits = []; window.hacked = (by) => window.hits.push(by);")
    asked: list[str] = []
    problems: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.goto(report.as_uri())
    page.locator("canvas").first.wait_for()
    assert number(page.locator("#rows-done").text_content()) == ROWS
    assert page.locator("#state").text_content() == "published"
    assert len(asked) == 1
    assert problems == []
    assert page.evaluate("window.hits") == []
    check_errors(page)
    assert violations(page) == []
    page.screenshot(path=screenshots / "report.png", full_page=True)
    context.close()


def test_airflow_serves_the_report_by_its_link(
    site: AirflowSite, run_id: str, session_of: Callable[..., BrowserContext]
) -> None:
    context = session_of()
    page = context.new_page()
    page.goto(site.page(run_id).replace("/aimlapi/page", "/aimlapi/report"))
    page.locator("canvas").first.wait_for()
    assert number(page.locator("#rows-done").text_content()) == ROWS
    assert page.evaluate("window.origin") == "null"
    assert page.evaluate("window.hits") == []
    context.close()
