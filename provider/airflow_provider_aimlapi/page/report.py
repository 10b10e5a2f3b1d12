"""Builds the HTML of the live pages, which fetch their data, and of the report, which contains it.

The report's data is JSON in which no character can end the element that holds it.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.reporting.run_progress import encode_progress

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.reporting.run_progress import RunProgress
    from airflow_provider_aimlapi.core.reporting.task_facts import TaskFacts

STYLES = ("uPlot.min.css", "page.css")
SCRIPTS = ("uPlot.iife.min.js", "shared.js", "charts.js", "standing.js", "page.js")
LIST_STYLES = ("page.css", "runs.css")
LIST_SCRIPTS = ("shared.js", "runs.js")
SERVED_FILES = frozenset((*STYLES, *SCRIPTS, *LIST_STYLES, *LIST_SCRIPTS, "icon.svg"))
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

LIVE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""The live page's content security policy: it loads its own scripts and styles, and has none inline."""


@cache
def page_file(name: str) -> str:
    """Return the text of a bundled file."""
    return files("airflow_provider_aimlapi.page").joinpath("files", name).read_text("utf-8")


@cache
def live_page() -> str:
    """Return the HTML of the live page. Its files are in `files/` beside its address."""
    return _link_files("page.html", STYLES, SCRIPTS)


@cache
def list_page() -> str:
    """Return the HTML of the page that lists runs, likewise."""
    return _link_files("runs.html", LIST_STYLES, LIST_SCRIPTS)


def _link_files(
    name: str, styles: tuple[str, ...], scripts: tuple[str, ...], *, data: str = ""
) -> str:
    head = "".join(f'<link rel="stylesheet" href="files/{style}">\n' for style in styles)
    tail = "".join(f'<script src="files/{script}"></script>\n' for script in scripts)
    return _fill_page(name, head=head, data=data, scripts=tail)


def render_report(progress: RunProgress, *, task: TaskFacts | None = None) -> bytes:
    """Return the report: one HTML file that needs no other file, and cannot load anything.

    Args:
        task: the task instance that the report names; None for none.
    """
    data = _data_element("progress", encode_progress(progress))
    if task is not None:
        data += _data_element("task-data", msgspec.json.encode(task))
    head, scripts = _report_parts()
    return _fill_page("page.html", head=head, data=data, scripts=scripts).encode()


def notice_page(*, title: str = "", text: str = "", task: TaskFacts | None = None) -> str:
    """Return the HTML of a page without a run.

    Args:
        title: what is the matter. Empty: the page says why the task has no run.
        text: what to do about it.
    """
    data = _data_element("plain-data", msgspec.json.encode({"title": title, "text": text}))
    if task is not None:
        data += _data_element("task-data", msgspec.json.encode(task))
    return _link_files("page.html", STYLES, SCRIPTS, data=data)


def _data_element(name: str, encoded: bytes) -> str:
    return f'<script type="application/json" id="{name}">{_embeddable_json(encoded)}</script>\n'


@cache
def _report_parts() -> tuple[str, str]:
    # Hashes instead of a nonce: a file on a disk is the same for each reader.
    styles = [page_file(name) for name in STYLES]
    scripts = [page_file(name) for name in SCRIPTS]
    policy = (
        f"default-src 'none'; script-src {_hash_list(scripts)}; style-src {_hash_list(styles)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    head += "".join(f"<style>{style}</style>\n" for style in styles)
    return head, "".join(f"<script>{script}</script>\n" for script in scripts)


def _hash_list(texts: list[str]) -> str:
    digests = (b64encode(sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _embeddable_json(encoded: bytes) -> str:
    """Return JSON without the characters that HTML or JavaScript would interpret."""
    text = encoded.decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _fill_page(name: str, *, head: str, data: str, scripts: str) -> str:
    """Return the page with its three gaps filled."""
    # The page is split before anything is filled in, so no filling is searched for gaps.
    before_head, rest = page_file(name).split("<!-- head -->\n")
    before_data, rest = rest.split("<!-- data -->\n")
    before_scripts, end = rest.split("<!-- scripts -->\n")
    return f"{before_head}{head}{before_data}{data}{before_scripts}{scripts}{end}"
