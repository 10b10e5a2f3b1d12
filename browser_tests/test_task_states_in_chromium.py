"""The run page in real Chromium with what Airflow knows of the task: killed, failed early, divided, none.

The tests run after those of the list, because each adds runs to it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from browser_tests.axe_rules import violations
from browser_tests.layout import overflows
from browser_tests.test_run_page_in_chromium import picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from browser_tests.airflow_site import AirflowSite

WAIT_MS = 120_000
SHOWN = "#updated:not(:empty), #empty-title:not(:empty)"
KINDS: dict[str, tuple[str, str]] = {
    "divided": ("all.publish", "published"),
    "paid_estimate": ("estimate", "sampled"),
    "no_input": ("complete", "failed"),
}


@pytest.fixture(scope="module")
def ended(site: AirflowSite) -> dict[str, str]:
    """The DAG runs of each kind, ended."""
    for dag_id in (*KINDS, "other_work"):
        site.run_whole(dag_id)
    return {dag_id: site.run_id(dag_id) for dag_id in (*KINDS, "other_work")}


@pytest.fixture(scope="module")
def killed(site: AirflowSite) -> str:
    """A DAG run whose task was killed by SIGKILL while its run was at work."""
    process = site.start("killed")
    until_s = time.monotonic() + WAIT_MS / 1000
    run_id = ""
    while not run_id or site.rows_done(run_id, "killed", "complete") < 200:
        assert time.monotonic() < until_s, site.log()
        time.sleep(0.3)
        run_id = site.run_id("killed")
    process.kill()
    process.wait()
    return run_id


def text(page: Page, name: str) -> str:
    return page.locator(f"#{name}").text_content(timeout=WAIT_MS) or ""


def opened(context: BrowserContext, address: str, wait_for: str = SHOWN) -> Page:
    page = context.new_page()
    page.goto(address)
    page.locator(wait_for).first.wait_for(timeout=WAIT_MS)
    return page


@pytest.mark.timeout(600)
def test_divided_run_shows_shares_on_its_publish_page(
    site: AirflowSite, ended: dict[str, str], session_of: Callable[..., BrowserContext]
) -> None:
    page = opened(session_of(), site.page(ended["divided"], "divided", "all.publish"))
    assert text(page, "state") == "published"
    assert text(page, "rows-done") == "120"
    total = page.locator("#attempts tr").last.locator("td").last
    assert total.text_content() == page.locator("#tiles .tile b").first.text_content() != "$0"
    assert "made no call" in text(page, "notice")
    assert page.locator("#charts").is_hidden()
    assert "other tasks" in text(page, "attempts")
    page.context.close()


@pytest.mark.timeout(600)
def test_paid_estimate_has_a_page(
    site: AirflowSite, ended: dict[str, str], session_of: Callable[..., BrowserContext]
) -> None:
    page = opened(session_of(), site.page(ended["paid_estimate"], "paid_estimate", "estimate"))
    assert (text(page, "state"), text(page, "rows-done")) == ("sampled", "20")
    assert "paid sample" in text(page, "notice")
    page.goto(site.runs_page)
    page.get_by_text("paid_estimate").first.wait_for(timeout=WAIT_MS)
    page.context.close()


# Keeps what a canvas shows: its texts since it was last cleared.
KEEP_TEXTS = """const { fillText, clearRect } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
        this.canvas.dataset.texts = ""; clearRect.apply(this, box); };
    CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
        this.canvas.dataset.texts = `${this.canvas.dataset.texts ?? ""}${text}|`;
        fillText.call(this, text, ...at); };"""


def test_axes_of_a_short_run_repeat_no_label(
    site: AirflowSite, ended: dict[str, str], session_of: Callable[..., BrowserContext]
) -> None:
    """An estimate's sample takes three seconds. With ticks at 0.5 s, its axis was 1 s, 1 s, 2 s, 2 s."""
    context = session_of()
    context.add_init_script(KEEP_TEXTS)
    page = opened(context, site.page(ended["paid_estimate"], "paid_estimate", "estimate"), "canvas")
    for canvas in page.locator("canvas").all():
        texts = (canvas.get_attribute("data-texts") or "").split("|")
        times = [text for text in texts if text.endswith(" s")]
        assert times
        assert sorted(set(times)) == sorted(times)
        assert "0.5" not in texts
    context.close()


def test_early_failure_shows_its_own_error(
    site: AirflowSite, ended: dict[str, str], session_of: Callable[..., BrowserContext]
) -> None:
    page = opened(session_of(), site.page(ended["no_input"], "no_input", "complete"))
    assert text(page, "state") == "failed"
    assert "/nowhere/tickets" in text(page, "notice")
    assert page.locator("#tiles").is_hidden()
    page.goto(site.runs_page)
    line = page.locator("tr", has_text="no_input")
    line.locator("text=failed").first.wait_for(timeout=WAIT_MS)
    assert line.locator(".rows").text_content() == "none read"
    page.context.close()


def test_foreign_task_looks_like_no_fault(
    site: AirflowSite, ended: dict[str, str], session_of: Callable[..., BrowserContext]
) -> None:
    address = site.page(ended["other_work"], "other_work", "load")
    page = opened(session_of(), address, "#empty-title")
    page.get_by_text("This task has no run").wait_for(timeout=WAIT_MS)
    assert "AIRFLOW__AIMLAPI__TASK_TAB" in text(page, "empty-text")
    assert page.locator("#state").is_hidden()
    assert page.locator("#notice").is_hidden()
    page.context.close()


AIRFLOW_STATES = {
    "up_for_retry": ("waits for its retry", "was killed"),
    "failed": ("killed", "Clear the task to continue"),
    "success": ("killed", "may have set that state"),
    None: ("cleared", "was cleared while it ran"),
    "queued": ("queued", "waits for a worker"),
    "restarting": ("restarting", "waits for a worker"),
    "running": ("starting", "Try 2 has started"),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("state", AIRFLOW_STATES)
def test_killed_attempt_shows_what_airflow_knows(
    site: AirflowSite, killed: str, session_of: Callable[..., BrowserContext], state: str | None
) -> None:
    word, words = AIRFLOW_STATES[state]
    now = datetime.now(UTC)
    began = now + timedelta(seconds=1) if state == "running" else now - timedelta(minutes=5)
    dates = {"end_date": _stored(now), "start_date": _stored(began)}
    site.change_task("killed", state=state, try_number=2, max_tries=3, **dates)
    page = opened(session_of(timezone_id="UTC"), site.page(killed, "killed", "complete"))
    assert text(page, "state") == word
    assert words in text(page, "notice")
    assert "in flight" not in text(page, "statuses")
    assert "Time left" not in text(page, "tiles")
    is_killed = state in {"up_for_retry", "failed", "success"}
    assert ("killed" in text(page, "attempts")) is is_killed
    assert "Reportnot written yet" in text(page, "facts")
    if is_killed or state is None:
        assert "Calls that were in flight, and answers of the last second" in text(page, "notice")
    if state == "up_for_retry":
        assert "Work continues at" in text(page, "notice")
        next_try = now + timedelta(seconds=75)
        latest = next_try + timedelta(seconds=40)
        for moment in (next_try, latest):
            assert f"at {moment:%H:%M:%S}" in text(page, "notice")
    page.context.close()


def test_silent_worker_is_not_shown_as_running(
    site: AirflowSite, killed: str, session_of: Callable[..., BrowserContext]
) -> None:
    heard = datetime.now(UTC) - timedelta(seconds=90)
    dates = {"start_date": _stored(heard - timedelta(hours=1)), "end_date": None}
    site.change_task("killed", state="running", last_heartbeat_at=_stored(heard), **dates)
    context = session_of(timezone_id="UTC")
    # The clock of the page is moved on, so that the test need not wait a minute.
    context.add_init_script("const now = Date.now; Date.now = () => now() + 70000;")
    page = opened(context, site.page(killed, "killed", "complete"))
    assert text(page, "state") == "not reporting"
    until = heard + timedelta(seconds=310)
    assert f"ends this try at {until:%H:%M:%S} at the latest" in text(page, "notice")
    page.context.close()


def _stored(moment: datetime) -> str:
    """Return a moment as SQLite has it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def test_moments_are_in_the_zone_chosen_in_airflow(
    site: AirflowSite, ended: dict[str, str], session_of: Callable[..., BrowserContext]
) -> None:
    context = session_of(timezone_id="UTC")
    address = site.page(ended["divided"], "divided", "all.publish")
    page = opened(context, address)
    assert "logical date 2026-01-01 00:00:00" in text(page, "task")
    assert page.locator("#facts").get_by_text("UTC").is_visible()
    # As Airflow stores it. A page in another frame or window of Airflow learns of it by an event.
    other = opened(context, address)
    other.evaluate("localStorage.setItem('timezone', JSON.stringify('Asia/Tokyo'))")
    page.get_by_text("Asia/Tokyo").wait_for(timeout=WAIT_MS)
    assert "logical date 2026-01-01 09:00:00" in text(page, "task")
    other.evaluate("localStorage.setItem('timezone', '<no zone>')")
    page.locator("#facts").get_by_text("UTC").wait_for(timeout=WAIT_MS)
    context.close()


def test_page_leads_back_to_the_task(
    site: AirflowSite, ended: dict[str, str], session_of: Callable[..., BrowserContext]
) -> None:
    context = session_of()
    page = opened(context, site.page(ended["divided"], "divided", "all.publish"))
    for name in ("page", "report"):
        page.goto(page.url.replace("/aimlapi/page", f"/aimlapi/{name}"))
        page.locator("#back").click()
        page.wait_for_url("**/dags/divided/runs/**/tasks/all.publish**", timeout=WAIT_MS)
        page.go_back()
    context.close()


REFUSED = (
    ("report", 404, "has no run"),
    ("page", 403, "may not see"),
    ("page", 401, "Log in to Airflow"),
)


@pytest.mark.parametrize(("address", "status", "words"), REFUSED)
def test_refusal_is_a_page_and_no_json(
    site: AirflowSite,
    ended: dict[str, str],
    session_of: Callable[..., BrowserContext],
    stranger: BrowserContext,
    address: str,
    status: int,
    words: str,
) -> None:
    dag_id = "private_payroll" if status == 403 else "other_work"
    context = stranger if status == 401 else session_of()
    page = context.new_page()
    path = site.page(ended["other_work"], dag_id, "load")
    answer = page.goto(path.replace("/aimlapi/page", f"/aimlapi/{address}"))
    assert answer is not None
    assert answer.status == status
    page.locator("#empty-title", has_text=words).wait_for(timeout=WAIT_MS)
    assert "{" not in page.locator("body").inner_text()
    assert violations(page) == []
    if status != 401:
        context.close()


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 1000}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 1000}, "color_scheme": "dark"},
    "420": {"viewport": {"width": 420, "height": 900}, "color_scheme": "light"},
    "forced": {"viewport": {"width": 1280, "height": 1000}, "forced_colors": "active"},
}
PAGES: dict[str, tuple[str, str]] = {
    "divided": ("divided", "all.publish"),
    "estimate": ("paid_estimate", "estimate"),
    "early": ("no_input", "complete"),
    "killed": ("killed", "complete"),
    "foreign": ("other_work", "load"),
    "runs": ("", ""),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_violation_on_any_page(
    site: AirflowSite,
    ended: dict[str, str],
    killed: str,
    session_of: Callable[..., BrowserContext],
    screenshots: Path,
    pictures: Path,
    look: str,
) -> None:
    site.change_task("killed", state="up_for_retry", end_date=_stored(datetime.now(UTC)))
    context = session_of(**LOOKS[look])
    page = context.new_page()
    width = LOOKS[look]["viewport"]["width"]
    for name, (dag_id, task_id) in PAGES.items():
        run_id = {**ended, "killed": killed}.get(dag_id, "")
        page.goto(site.page(run_id, dag_id, task_id) if dag_id else site.runs_page)
        page.locator(SHOWN).first.wait_for(timeout=WAIT_MS)
        assert violations(page) == [], f"{name} in {look}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert overflows(page) == [], f"{name} in {look}"
        page.screenshot(path=screenshots / f"state-{name}-{look}.png", full_page=True)
        if (name, look) == ("killed", "light"):
            picture(page, pictures / "run-page-killed.png", until="#charts")
    context.close()


def test_paper_is_light_and_no_chart_covers_another(
    site: AirflowSite, run_id: str, session_of: Callable[..., BrowserContext], screenshots: Path
) -> None:
    context = session_of(viewport={"width": 720, "height": 1000}, color_scheme="dark")
    page = opened(context, site.page(run_id), "canvas")
    page.emulate_media(media="print")
    page.locator("html[data-theme=light]").wait_for(timeout=WAIT_MS)
    boxes = [figure.bounding_box() for figure in page.locator("figure").all()]
    for figure, box in zip(page.locator("figure").all(), boxes, strict=True):
        canvas = figure.locator("canvas").bounding_box()
        assert box is not None
        assert canvas is not None
        assert canvas["x"] >= box["x"]
        assert canvas["x"] + canvas["width"] <= box["x"] + box["width"] + 1
        assert canvas["y"] + canvas["height"] <= box["y"] + box["height"] + 1
    page.screenshot(path=screenshots / "print.png", full_page=True)
    page.pdf(path=screenshots / "print.pdf", format="A4")
    context.close()
