"""What attacks on the pages have in common: a run's progress, and what a server answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fakes.hostile_locations import RUN_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.attacks.airflow_site import Server, Task

SECRET = "what-the-canary-holds"
PROGRESS: dict[str, Any] = {
    "run_key": RUN_KEY,
    "state": "running",
    "model": SECRET,
    "input": "s3://lake/in",
    "output": "s3://lake/out",
    "manifest": "",
    "report": "",
    "updated_us": 1_790_000_000_000_000,
    "rows": 100,
}
ADDRESSES = ("page", "progress", "report")
MIB = 2**20
GROWTH_BYTES_MAX = 200 * MIB
"""What a server may take more after an attack than before; the attacks send or point at gigabytes."""


def keep(folder: Path, progress: dict[str, Any]) -> Path:
    file = folder / "_aimlapi" / RUN_KEY / "progress.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(progress))
    return file


def statuses(server: Server, user: str, task: Task) -> list[int]:
    """Ask for all pages of a task; nothing that a canary holds may be in any of them."""
    found = []
    for address in ADDRESSES:
        answer = server.get(user, f"/aimlapi/{address}", task.query)
        assert SECRET not in answer.text
        found.append(answer.status_code)
    return found


def listed(server: Server, user: str) -> list[dict[str, Any]]:
    answer = server.get(user, "/aimlapi/list")
    assert answer.status_code == 200
    runs: list[dict[str, Any]] = answer.json()["runs"]
    return runs


def is_well(server: Server) -> bool:
    return server.get("", "/api/v2/version").status_code == 200
