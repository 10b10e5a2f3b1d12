"""The page of errors lists every error, with what Airflow does about it."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, TypeGuard

from airflow_provider_aimlapi import errors
from airflow_provider_aimlapi.operators.airflow_errors import FAIL, kind_of

if TYPE_CHECKING:
    import pytest

ROW = re.compile(r"^\| `(\w+)` \| (fails|may retry) \|", re.MULTILINE)
LINK = re.compile(r"\]\(((?:how-to/)?\w+\.md)#([\w-]+)\)")


def page(pytestconfig: pytest.Config, name: str = "errors.md") -> str:
    return (pytestconfig.rootpath / "provider/docs" / name).read_text(encoding="utf-8")


def _is_ours(kind: object) -> TypeGuard[type[errors.AimlapiError]]:
    return inspect.isclass(kind) and issubclass(kind, errors.AimlapiError)


def test_each_error_has_its_row_and_its_outcome(pytestconfig: pytest.Config) -> None:
    told = dict(ROW.findall(page(pytestconfig)))
    kinds = [kind for kind in vars(errors).values() if _is_ours(kind)]
    assert told == {
        kind.__name__: "fails" if kind_of(kind("")) is FAIL else "may retry" for kind in kinds
    }


def test_it_points_at_headings_that_are_there(pytestconfig: pytest.Config) -> None:
    links = LINK.findall(page(pytestconfig))
    assert links
    for name, anchor in links:
        headings = re.findall(r"^#+ (.*)$", page(pytestconfig, name), re.MULTILINE)
        assert anchor in {
            re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings
        }
