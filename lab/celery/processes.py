"""Airflow's processes with all that they start: begun, ended in peace, or killed as a container is."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

from demo.children import child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PATIENCE_S = 10.0


@contextmanager
def airflow_process(
    words: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[psutil.Process]:
    """Run `airflow …`. At the end of the block, all its processes are gone."""
    with (
        log.open("a", encoding="utf-8") as output,
        child(["airflow", *words], environment, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        root = psutil.Process(process.pid)
        try:
            yield root
        finally:
            _end(root)


def kill(root: psutil.Process) -> None:
    """Kill a process and its descendants by `kill -9`, at the same time.

    They are stopped first: a supervisor that outlived its task by a millisecond would still tell
    Airflow of its death, which nobody can when a machine goes.
    """
    tree = _tree(root)
    for number in ("suspend", "kill"):
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                getattr(process, number)()


def memory_mb(roots: Sequence[psutil.Process]) -> float:
    """Sum the memory of processes and their descendants. A shared page counts once."""
    held = 0
    for root in roots:
        for process in _tree(root):
            with suppress(psutil.NoSuchProcess):
                held += process.memory_full_info().pss
    return held / 1e6


def _end(root: psutil.Process) -> None:
    tree = _tree(root)
    with suppress(psutil.NoSuchProcess):
        root.terminate()
    _, alive = psutil.wait_procs(tree, timeout=PATIENCE_S)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
