"""What becomes of duplicates whose original fails, and the output with and without `ask_once`."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from airflow_provider_aimlapi.answer import Answer
from airflow_provider_aimlapi.engine.run import run
from airflow_provider_aimlapi.engine.settings import Settings
from airflow_provider_aimlapi.errors import (
    ApiUnavailable,
    TooManyRejections,
)
from tests.fakes.prepared_run import PreparedRun, ScriptedApi
from tests.fakes.virtual_loop import run_virtual


class Model(ScriptedApi):
    """Answers each request in its own way, and counts the calls for each.

    Attributes:
        failures: how many of the first calls for a prompt fail.
    """

    def __init__(self, failures: dict[str, int] | None = None) -> None:
        super().__init__()
        self.failures = failures or {}
        self.calls: Counter[str] = Counter()

    async def send(self, body: bytes, client_request_id: str) -> Answer:
        del client_request_id
        prompt = json.loads(body)["messages"][0]["content"]
        self.calls[prompt] += 1
        await asyncio.sleep(1.0)
        if self.calls[prompt] <= self.failures.get(prompt, 0):
            raise ApiUnavailable("no answer")
        reason = "length" if "long" in prompt else "stop"
        choice = {"message": {"content": prompt[::-1]}, "finish_reason": reason}
        return Answer(
            status=400 if "bad" in prompt else 200,
            content_type="application/json",
            body=json.dumps({"choices": [choice]}).encode(),
            usd_spent="0.000000100",
        )


TEXTS = st.lists(
    st.none() | st.sampled_from(["a", "b", "bad", "long", "c"]) | st.text(max_size=2),
    min_size=1,
    max_size=30,
)


def table_of(run: PreparedRun) -> pa.Table:
    """Return the input's and the run's own columns."""
    return pq.read_table(pa.BufferReader(run.store.objects["a-00000.parquet"]))


def outcome_of(texts: list[str | None], **changes: Any) -> tuple[Model, pa.Table]:
    """Run a job over these texts."""
    one, api = PreparedRun(texts, changes=changes), Model()
    run_virtual(run(one.job, Settings(max_rejected_rows=None), one.world(api)))
    return api, table_of(one)


@pytest.mark.parametrize(("failures", "rejected"), [(1, 0), (2, 1), (4, 2), (6, 3), (100, 4)])
def test_next_duplicate_is_sent_after_another_failure(failures: int, rejected: int) -> None:
    """Other rows are answered meanwhile, so each row has two failed calls before it is rejected."""
    others = [f"other {row}" for row in range(1_000)]
    one = PreparedRun(["x", *others[:100], "x", "x", "x", *others[100:]])
    api = Model({"Q: x": failures})
    options = Settings(max_attempts=2, max_concurrency=2, max_rejected_rows=None)
    report = run_virtual(run(one.job, options, one.world(api)))
    table = table_of(one).filter(pc.field("body") == "x")
    infos = table.column("completion_info").to_pylist()
    assert [info["status"] for info in infos] == ["rejected"] * rejected + ["ok"] * (4 - rejected)
    assert api.calls["Q: x"] == min(failures + 1, 8)
    assert report.tally.duplicates == max(0, 3 - rejected)
    originals = {info["same_as"] for info in infos[rejected + 1 :]}
    assert originals == ({f"0:{rejected and 100 + rejected}"} if rejected < 3 else set())


def test_duplicates_of_the_last_failing_row_end_with_it() -> None:
    """Nothing else is left that could show whether the API or the request fails."""
    one = PreparedRun(["x", *(f"other {row}" for row in range(20)), *["x"] * 30])
    api = Model({"Q: x": 10_000})
    options = Settings(max_attempts=2, max_rejected_rows=40)
    with pytest.raises(ApiUnavailable):
        run_virtual(run(one.job, options, one.world(api)))
    report = run_virtual(run(one.job, options, one.world(api)))
    assert (report.tally.rejected, report.tally.ok) == (31, 20)


def test_too_many_duplicates_of_a_failing_row_end_it() -> None:
    """Each of them counts as a row."""
    one = PreparedRun(["x", *(f"other {row}" for row in range(20)), *["x"] * 30])
    api = Model({"Q: x": 10_000})
    options = Settings(max_attempts=2, max_rejected_rows=10)
    with pytest.raises(ApiUnavailable):
        run_virtual(run(one.job, options, one.world(api)))
    with pytest.raises(TooManyRejections, match="max_rejected_rows allows 10"):
        run_virtual(run(one.job, options, one.world(api)))


@settings(max_examples=25, deadline=None)
@given(texts=TEXTS)
def test_output_is_the_same_with_and_without(texts):
    api, once = outcome_of(texts)
    each_api, each = outcome_of(texts, ask_once=False)
    assert once.column("completion") == each.column("completion")
    for field in ("status", "request_hash", "finish_reason", "error"):
        mine, theirs = (
            [info[field] for info in table.column("completion_info").to_pylist()]
            for table in (once, each)
        )
        assert mine == theirs
    asked = Counter(f"Q: {text}" for text in texts if text is not None)
    # A row that the API rejects is called twice.
    assert each_api.calls == {one: count * (1 + ("bad" in one)) for one, count in asked.items()}
    assert api.calls == {one: 1 + ("bad" in one) for one in asked}
