"""A process that may open few files: calls leave descriptors for the journal, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

from aimlapi_simulator import Latency
from tests.runs.conftest import Workplace, script, texts_table

if TYPE_CHECKING:
    from tests.runs.conftest import Workplace

ROWS = 3_000


def test_run_with_few_descriptors_keeps_every_answer(place: Workplace) -> None:
    place.sim.follow(script(latency=Latency(median_s=0.3, sigma=0.3)))
    place.write(texts_table(ROWS))
    child = subprocess.run(
        [
            *(sys.executable, "-m", "tests.runs.descriptor_child"),
            *(place.sim.url, place.input, place.output, "64", "256"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-3_000:]
    assert json.loads(child.stdout)["ok"] == ROWS
    assert "ulimit -n" in child.stderr
    assert "Too many open files" not in child.stderr
    paid = Counter(place.paid_prompts())
    assert (len(paid), sum(paid.values())) == (ROWS, ROWS)
    assert len(place.result()) == ROWS
