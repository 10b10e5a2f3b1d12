"""The report is one file that loads nothing, and nothing in its data can become a script."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256

import pytest
from msgspec.structs import replace

from airflow_provider_aimlapi.core.reporting.call_figures import ErrorKind
from airflow_provider_aimlapi.core.reporting.run_progress import (
    AttemptProgress,
    RunProgress,
)
from airflow_provider_aimlapi.page.report import (
    LIST_SCRIPTS,
    LIST_STYLES,
    LIVE_POLICY,
    SCRIPTS,
    STYLES,
    list_page,
    live_page,
    page_file,
    render_report,
)

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> \u2028 & -->"
ATTEMPT = AttemptProgress(epoch=1, first_epoch=1, state="published", started_us=1, updated_us=2)
PROGRESS = RunProgress(
    run_key="ab" * 16,
    state="published",
    model="anthropic/claude-sonnet-4-6-20260218",
    input="s3://lake/in",
    output="s3://lake/out",
    manifest="s3://lake/out/_aimlapi/ab/manifest.json",
    report="s3://lake/out/_aimlapi/ab/report.html",
    updated_us=2,
    rows=100,
    attempts=(ATTEMPT,),
)


@pytest.fixture(scope="module")
def html() -> str:
    hostile = replace(
        PROGRESS,
        input=HOSTILE,
        errors=(ErrorKind(kind="ApiError", status=500, count=1, samples=(HOSTILE,)),),
        attempts=(replace(ATTEMPT, error=HOSTILE),),
    )
    return render_report(hostile).decode()


def test_its_data_reads_back_and_ends_no_element(html: str) -> None:
    (data,) = re.findall(r'<script type="application/json" id="progress">(.*?)</script>', html)
    told = json.loads(data)
    assert told["input"] == HOSTILE
    assert told["errors"][0]["samples"] == [HOSTILE]
    assert not set("<>&\u2028") & set(data)


def test_report_runs_only_scripts_with_listed_hashes(html: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', html)
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert (len(scripts), len(styles)) == (5, 2)
    for text in scripts + styles:
        assert b64encode(sha256(text.encode()).digest()).decode() in policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none';")


def test_report_loads_nothing_from_the_network(html: str) -> None:
    assert re.findall(r'<[^>]*(?:src|href)="[^"#]*"', html) == []
    assert "connect-src" not in html


@pytest.mark.parametrize(
    ("page", "names"),
    [(live_page(), STYLES + SCRIPTS), (list_page(), LIST_STYLES + LIST_SCRIPTS)],
    ids=["run", "list"],
)
def test_live_page_has_no_inline_script_or_style(page: str, names: tuple[str, ...]) -> None:
    assert re.findall(r"<script(?! src=)[^>]*>", page) == []
    assert not re.findall(r"<style|\sstyle=|\son\w+=", page)
    for name in names:
        assert f'"files/{name}"' in page
    assert "unsafe" not in LIVE_POLICY


@pytest.mark.parametrize("script", ["shared.js", "charts.js", "standing.js", "page.js", "runs.js"])
def test_no_html_is_made_of_a_string(script: str) -> None:
    for risky in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert risky not in page_file(script)


def test_chart_library_names_its_version_and_license() -> None:
    assert "uPlot (v1.6.32)" in page_file("uPlot.iife.min.js")[:100]
    assert "MIT License" in page_file("uPlot.LICENSE")
