"""Every row of the docs' table of wrong inputs: its error, its words, and no call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_aimlapi import errors
from tests.runs.wrong_inputs import CASES

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

PAGE = Path(__file__).parents[2] / "provider/docs/wrong-inputs.md"
ROWS = [
    [cell.strip() for cell in line.strip("| \n").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| input")
]


def test_table_and_cases_are_the_same() -> None:
    assert [title for title, *_ in ROWS] == list(CASES)
    assert len(ROWS) >= 40


@pytest.mark.parametrize(("title", "kind", "message"), ROWS, ids=[row[0] for row in ROWS])
def test_wrong_input_is_refused_without_a_call(
    place: Workplace, title: str, kind: str, message: str
) -> None:
    Path(place.input).mkdir(exist_ok=True)
    with pytest.raises(getattr(errors, kind.strip("`"))) as caught:
        place.run(CASES[title](place))
    said = str(caught.value)
    for piece in filter(None, message.split("…")):
        assert piece in said
        said = said.partition(piece)[2]
    assert place.sim.ledger.requests == []
    assert place.visible() in ([], ["a-00000.parquet"])
