"""The page that lists runs in real Chromium: it lists, it lives, it hides, and it lets no script in.

The tests go in this order, after those of the run page: another run is at work, then it is published.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from browser_tests.airflow_site import DAG_ID, TASK_ID
from browser_tests.axe_rules import violations
from browser_tests.conftest import ROWS
from browser_tests.layout import overflows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page, Route

    from browser_tests.airflow_site import AirflowSite

WAIT_MS = 120_000
ARROW = "\u203a"
NEXT_DAY = "2026-01-02"
HOSTILE = "<script>hacked('model')</script><img src=x onerror=hacked('model')>"
AT_WORK = f"tr:has(.pill.running):has-text('{DAG_ID}')"


@pytest.fixture(scope="module")
def runs(site: AirflowSite, run_id: str) -> None:
    """A run that is published, one that failed, one that is private, and one that is at work."""
    for dag_id in ("nightly_tags", "private_payroll"):
        site.run_whole(dag_id)
    until_s = time.monotonic() + WAIT_MS / 1000
    while site.state(run_id) != "published":
        assert time.monotonic() < until_s, site.log()
        time.sleep(0.5)
    site.start_run(NEXT_DAY)


def rows_done(page: Page) -> int:
    told = page.locator(f"{AT_WORK} td.rows b").text_content(timeout=WAIT_MS)
    return int((told or "0").replace(",", ""))


@pytest.mark.timeout(600)
def test_list_is_in_the_navigation_and_follows_runs(
    site: AirflowSite,
    runs: None,
    session_of: Callable[..., BrowserContext],
    screenshots: Path,
) -> None:
    context = session_of(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page = context.new_page()
    page.goto(f"{site.url}/")
    page.get_by_role("button", name="Browse").click(timeout=WAIT_MS)
    page.get_by_text("AI/ML API runs").click()
    frame = page.frame_locator("iframe")
    done = frame.locator(f"{AT_WORK} td.rows b")
    done.wait_for(timeout=WAIT_MS)
    first, until_s = done.text_content(), time.monotonic() + WAIT_MS / 1000
    while done.text_content() == first:
        assert time.monotonic() < until_s, site.log()
        page.wait_for_timeout(200)
    page.screenshot(path=screenshots / "runs-in-airflow.png")
    # The frame may not replace the page around it. The link to the log leads there all the same.
    frame.get_by_role("link", name=f"Log of {DAG_ID} {ARROW} {TASK_ID}").first.click()
    page.wait_for_url(f"**/dags/{DAG_ID}/runs/*/tasks/{TASK_ID}", timeout=WAIT_MS)
    context.close()


@pytest.mark.timeout(600)
def test_run_page_in_the_list_leads_to_its_task(
    site: AirflowSite, runs: None, session_of: Callable[..., BrowserContext]
) -> None:
    """The list is in a frame of Airflow without the task's log beside it."""
    context = session_of()
    page = context.new_page()
    page.goto(f"{site.url}/plugin/aimlapi_runs")
    frame = page.frame_locator("iframe")
    frame.locator("#runs .name").first.click(timeout=WAIT_MS)
    frame.get_by_text("Task and log in Airflow").click(timeout=WAIT_MS)
    page.wait_for_url(f"**/dags/{DAG_ID}/runs/*/tasks/{TASK_ID}**", timeout=WAIT_MS)
    context.close()


@pytest.mark.timeout(600)
def test_list_shows_readable_runs_newest_first(
    site: AirflowSite, runs: None, session_of: Callable[..., BrowserContext], pictures: Path
) -> None:
    context = session_of(viewport={"width": 1280, "height": 1000}, color_scheme="light")
    problems: list[str] = []
    page = context.new_page()
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    began_s = time.monotonic()
    page.goto(site.runs_page)
    page.locator("#runs td").first.wait_for()
    print(f"\nthe list showed runs {time.monotonic() - began_s:.2f} s after its address was asked")
    names = page.locator("#runs .name").all_text_contents()
    watched = f"{DAG_ID} {ARROW} {TASK_ID}"
    assert names == [watched, f"nightly_tags {ARROW} complete", watched]
    states = page.locator("#runs .pill").all_text_contents()
    assert states == ["running", "failed", "published"]
    while rows_done(page) < ROWS * 0.3:
        page.wait_for_timeout(300)
    assert "1 running" in (page.locator("#sum").text_content() or "")
    page.screenshot(path=pictures / "runs.png", full_page=True)
    page.locator("#runs .name").first.click()
    page.locator("#rows-done").wait_for()
    assert page.locator("#title").text_content() == watched
    page.get_by_text("All runs").click()
    page.locator("#runs td").first.wait_for()
    assert problems == []
    context.close()


def test_filter_and_sort_narrow_the_list(
    site: AirflowSite, runs: None, session_of: Callable[..., BrowserContext]
) -> None:
    context = session_of(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(site.runs_page)
    names = page.locator("#runs .name")
    names.first.wait_for()
    page.get_by_label("DAG, task, run or model").fill("nightly complete")
    expect(names).to_have_count(1)
    assert names.all_text_contents() == [f"nightly_tags {ARROW} complete"]
    assert "1 of 3 runs" in (page.locator("#sum").text_content() or "")
    assert page.locator("#by-dag tbody tr").count() == 0  # it failed before it paid
    page.get_by_role("button", name="Clear filter").click()
    expect(names).to_have_count(3)
    page.get_by_label("State", exact=True).select_option("published")
    expect(names).to_have_count(1)
    page.get_by_role("button", name="Clear filter").click()
    expect(names).to_have_count(3)
    for order in ("descending", "ascending"):
        page.locator("#head").get_by_role("button", name="Cost").press("Enter")
        page.locator(f"#head [aria-sort={order}]", has_text="Cost").wait_for()
    assert page.locator("#head [aria-sort]").count() == 1
    assert page.evaluate("document.activeElement.dataset.column") == "cost"
    assert page.locator(".list .reason").first.is_visible()
    context.close()


def test_list_shows_the_zone_chosen_in_airflow(
    site: AirflowSite, runs: None, session_of: Callable[..., BrowserContext]
) -> None:
    context = session_of(timezone_id="UTC")
    page, other = context.new_page(), context.new_page()
    for shown in (page, other):
        shown.goto(site.runs_page)
        shown.locator("#updated", has_text=" UTC").wait_for()
    other.evaluate("localStorage.setItem('timezone', JSON.stringify('Asia/Tokyo'))")
    page.locator("#updated", has_text=" Asia/Tokyo").wait_for()
    context.close()


def test_sums_count_each_row_once(
    site: AirflowSite, runs: None, session_of: Callable[..., BrowserContext]
) -> None:
    """A second DAG run of the same job finds it published, and pays nothing."""
    context = session_of()
    page = context.new_page()
    page.goto(site.runs_page)
    page.locator("#by-day tbody tr").first.wait_for()
    answer = context.request.get(site.runs_page.replace("/runs", "/list")).json()
    for by in ("dag", "task", "model", "day"):
        assert sum(line["paid_nano_usd"] for line in answer["costs"][by]) == answer["paid_nano_usd"]
    context.close()


def test_private_dag_is_shown_to_grace_alone(
    site: AirflowSite,
    runs: None,
    session_of: Callable[..., BrowserContext],
    admin_session_of: Callable[..., BrowserContext],
) -> None:
    for log_in, is_shown in ((session_of, False), (admin_session_of, True)):
        context = log_in()
        page = context.new_page()
        page.goto(site.runs_page)
        page.locator("#runs td").first.wait_for()
        assert ("private_payroll" in page.content()) is is_shown
        told = context.request.get(site.runs_page.replace("/runs", "/list")).text()
        assert ("private_payroll" in told) is is_shown
        found = context.request.get(
            f"{site.runs_page.replace('/runs', '/list')}?text=payroll"
        ).json()
        assert (found["found"] > 0, bool(found["costs"]["dag"])) == (is_shown, is_shown)
        private = site.page("any").replace(DAG_ID, "private_payroll")
        answer = page.goto(private)
        assert answer is not None
        assert answer.status == (200 if is_shown else 403)
        context.close()


def test_texts_of_a_run_inject_no_script(
    site: AirflowSite, runs: None, session_of: Callable[..., BrowserContext]
) -> None:
    site.run_whole("odd_model")
    context = session_of()
    page = context.new_page()
    page.goto(site.runs_page)
    page.get_by_text("odd_model").wait_for()
    assert HOSTILE in (page.locator("#runs").text_content() or "")
    assert page.evaluate("window.hits") == []
    assert page.locator("img, script:not([src]), iframe").count() == 0
    context.close()


def test_without_a_login_it_is_refused(
    site: AirflowSite, runs: None, stranger: BrowserContext
) -> None:
    page = stranger.new_page()
    for address in (site.runs_page, site.runs_page.replace("/runs", "/list")):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 401
        assert DAG_ID not in page.content()


STATES = ("running", "killed", "cleared", "waits for its retry", "parked", "sampled", "complete")


def listed_run(number: int) -> dict[str, Any]:
    """Return a run of a long list, in one of the states."""
    state = STATES[number % len(STATES)]
    standing = {
        "state": state,
        "model": "anthropic/claude-sonnet-4-6-20260218",
        "updated_us": 1_790_000_000_000_000,
        "rows": 1_000,
        "rows_done": 900,
        "statuses": {"ok": 800, "invalid": 50, "rejected": 50},
        "cost_nano_usd": 3 * 10**9,
        "rows_per_s": 12.34,
        "expected_left_s": 60.0,
        "expected_cost_nano_usd": 4 * 10**9,
    }
    return {
        "dag_id": f"dag_{number}",
        "run_id": "scheduled__2026-01-01",
        "task_id": "complete",
        "map_index": number % 3 - 1,
        "task_state": "running",
        "began_us": 1_790_000_000_000_000,
        "state": state,
        "is_at_work": state == "running",
        "reason": "HTTP 503 for ten minutes. " * 8 if state == "killed" else "",
        "share": number % 3 - 1 if number % 3 else None,
        "paid_nano_usd": 2 * 10**9,
        "replaced_nano_usd": 10**9 if number % 2 else 0,
        "standing": standing,
    }


def long_list(page: int) -> dict[str, Any]:
    """Return the answer of a server with 120 runs."""
    line = {"name": "one", "paid_nano_usd": 10**9, "tasks": 7}
    return {
        "runs": [listed_run(number) for number in range((page - 1) * 50, min(120, page * 50))],
        "page": page,
        "pages": 3,
        "found": 120,
        "listed": 120,
        "runs_max": 120,
        "at_work": 0,
        "rows_per_s": 0.0,
        "paid_nano_usd": 240 * 10**9,
        "costs": {by: [line, {**line, "name": ""}] for by in ("dag", "task", "model", "day")},
        "states": dict.fromkeys(STATES, 17),
        "has_costs": True,
        "kept_days": None,
        "oldest_us": None,
    }


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "420": {"viewport": {"width": 420, "height": 900}, "color_scheme": "light"},
    "forced": {"viewport": {"width": 1280, "height": 900}, "forced_colors": "active"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_long_list_has_pages_and_no_violation(
    site: AirflowSite, session_of: Callable[..., BrowserContext], screenshots: Path, look: str
) -> None:
    context = session_of(**LOOKS[look])
    page = context.new_page()

    def answer(route: Route) -> None:
        number = int(parse_qs(urlsplit(route.request.url).query)["page"][0])
        route.fulfill(json=long_list(number))

    page.route("**/aimlapi/list?*", answer)
    page.goto(site.runs_page)
    names = page.locator("#runs .name")
    expect(names).to_have_count(50)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["viewport"]["width"]
    assert overflows(page) == []
    page.screenshot(path=screenshots / f"runs-long-{look}.png")
    for _ in range(2):
        page.get_by_role("button", name="Next").click()
    expect(names).to_have_count(20)
    expect(page.locator("#range")).to_have_text("Page 3 of 3")
    assert page.get_by_role("button", name="Next").is_disabled()
    page.get_by_role("button", name="Previous").press("Enter")
    expect(names.first).to_have_text(f"dag_50 {ARROW} complete [1]")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800, 420])
def test_it_fits_into_a_window(
    site: AirflowSite,
    runs: None,
    session_of: Callable[..., BrowserContext],
    screenshots: Path,
    scheme: Any,
    width: int,
) -> None:
    context = session_of(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(site.runs_page)
    page.locator("#runs td").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert overflows(page) == []
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert violations(page) == []
    page.screenshot(path=screenshots / f"runs-{scheme}-{width}.png", full_page=True)
    page.emulate_media(media="print")
    page.screenshot(path=screenshots / f"runs-print-{scheme}-{width}.png", full_page=True)
    context.close()
