"""Whatever rows contain, only constant text of a run is marked for the API's prompt cache.

A marked row would be paid for at a higher price, again and again. And the rest of a request must not
change, or a row could speak for another one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import pytest

from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.settings import Settings
from tests.contract.marked import CAPTIVE_TEXTS, marks_in, without_marks
from tests.fakes.prepared_run import PreparedRun
from tests.fakes.virtual_loop import run_virtual
from tests.unit.engine.calls.marks.test_marked_calls import HEAD, HEAD_TOKENS, answer

if TYPE_CHECKING:
    from airflow_provider_aimlapi.answer import Answer

ROWS: list[str | None] = [*CAPTIVE_TEXTS, HEAD, HEAD[:100], "\u2028", "plain", "\x00", "{body}"]


class ReadingApi:
    """Reads each request as the API does."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def send(self, body: bytes, _client_request_id: str) -> Answer:
        """Keep the request, and answer that the head was read."""
        self.requests.append(json.loads(body))
        return answer(HEAD_TOKENS, 0)


@pytest.mark.parametrize(
    ("changes", "marked"),
    [
        ({"prompt": HEAD + "{body}"}, HEAD),
        ({"prompt": HEAD + "{body} and {body}.", "system": "Be brief."}, HEAD),
        ({"prompt": "{body}", "system": HEAD}, HEAD),
        ({"prompt": "{body}", "system": HEAD + "{body}"}, HEAD),
        ({"prompt": "{body}", "examples": (({"body": "x"}, HEAD),)}, HEAD),
    ],
    ids=["prompt", "twice", "system", "system by row", "examples"],
)
def test_no_text_of_a_row_is_marked(changes: dict[str, Any], marked: str) -> None:
    a_run, api = PreparedRun(ROWS, changes=changes), ReadingApi()
    report = run_virtual(run(a_run.job, Settings(), a_run.world(api)))  # type: ignore[arg-type]
    assert report.tally.ok == len(ROWS)
    found = [part["text"] for request in api.requests for part in marks_in(request)]
    assert set(found) == {marked}
    assert len(found) >= len(ROWS) - 1  # a row of nothing visible has no mark
    expected = [json.loads(a_run.row(number).body) for number in range(len(ROWS))]
    sent = [without_marks(request) for request in api.requests]
    assert sorted(map(str, sent)) == sorted(map(str, expected))
