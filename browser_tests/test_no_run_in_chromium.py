"""The page that lists runs, in real Chromium, before there is any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser_tests.axe_rules import violations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import BrowserContext

    from browser_tests.airflow_site import AirflowSite


def test_empty_list_shows_the_next_steps(
    site: AirflowSite, session_of: Callable[..., BrowserContext], screenshots: Path
) -> None:
    context = session_of(viewport={"width": 1280, "height": 600}, color_scheme="light")
    page = context.new_page()
    page.goto(site.runs_page)
    page.get_by_text("No runs to show yet").wait_for()
    assert page.get_by_text("aimlapi_default").is_visible()
    assert page.locator("#runs").is_hidden()
    assert violations(page) == []
    page.screenshot(path=screenshots / "runs-empty.png")
    context.close()
