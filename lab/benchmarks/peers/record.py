"""The measurements and their machine, stored as JSON, so that the page can be written again."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.benchmarks.peers.runs import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where and when it was measured."""

    date: str
    processor: str
    cores: int
    python: str
    system: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All results of one benchmark.

    Attributes:
        minutes: it took, without installing.
        timeout_s: after which a run was killed.
    """

    machine: Machine
    minutes: float
    timeout_s: float
    results: list[Measured]


def machine() -> Machine:
    """Describe this machine."""
    today = dt.datetime.now(tz=dt.UTC)  # noqa: TID251  # the page's date
    return Machine(
        date=f"{today:%Y-%m-%d %H:%M} UTC",
        processor=_processor(),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
    )


def save_record(record: Record, path: Path) -> None:
    """Write a record to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")


def load_record(path: Path) -> Record:
    """Read a record from a file."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    return Record(
        machine=Machine(**fields["machine"]),
        minutes=fields["minutes"],
        timeout_s=fields["timeout_s"],
        results=[Measured(**result) for result in fields["results"]],
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
