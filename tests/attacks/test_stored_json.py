"""A stored document that nobody's run wrote raises one error, which quotes nothing of it."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.errors import JournalUnreadable

DEPTH = 200_000


class Document(msgspec.Struct, frozen=True, kw_only=True):
    rows: int
    name: str = ""
    state: Literal["running", "released"] = "running"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b'{"rows": "MARKER"}',
        b'{"name": "MARKER"}',
        b'{"MARKER": 1}',
        b'{"rows": 1, "state": "MARKER"}',
        b'{"rows": 1, "name": "\\ud800"}',
        b"[" * DEPTH,
        b'{"rows": 1, "other": ' + b"[" * DEPTH + b"]" * DEPTH + b"}",
        b'{"rows": 1, "other": ' + b'{"a":' * DEPTH + b"1" + b"}" * DEPTH + b"}",
    ],
)
def test_bad_document_raises_one_error(data: bytes) -> None:
    with pytest.raises(JournalUnreadable) as caught:
        decode_stored(data, Document, what="plan.json", bytes_max=len(data))
    assert "plan.json" in str(caught.value)
    assert "MARKER" not in str(caught.value)


def test_document_beyond_its_bytes_is_not_decoded() -> None:
    data = b'{"rows": 1}'
    assert decode_stored(data, Document, what="x", bytes_max=len(data)).rows == 1
    with pytest.raises(JournalUnreadable, match="larger than"):
        decode_stored(data, Document, what="x", bytes_max=len(data) - 1)
