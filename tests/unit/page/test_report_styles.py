"""The stylesheets of the pages have no rule for something that no page shows."""

from __future__ import annotations

import re

import pytest

from airflow_provider_aimlapi.page.report import LIST_SCRIPTS, SCRIPTS, page_file

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SELECTORS = re.compile(r"([^{}]*)\{")
NAME = re.compile(r"[.#]([A-Za-z][\w-]*)")
CODE = {
    "page.css": ("page.html", *SCRIPTS),
    "runs.css": ("runs.html", *LIST_SCRIPTS),
}


@pytest.mark.parametrize("styles", CODE)
def test_each_rule_is_for_something_shown(styles: str) -> None:
    rules = COMMENT.sub("", page_file(styles))
    named = set(NAME.findall(" ".join(SELECTORS.findall(rules))))
    shown = set(re.findall(r"[\w-]+", "".join(map(page_file, CODE[styles]))))
    assert "pill" in named
    assert sorted(named - shown) == []
