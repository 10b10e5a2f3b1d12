"""What each peer's script shares: its arguments, the texts, the output and its own cost.

Only the standard library and pyarrow are imported, for it runs in every peer's environment.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset  # else the first reading of Parquet pays for it, and for pandas
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "anthropic/claude-sonnet-4-6-20260218"
PROMPT = "Summarise in two sentences:\n\n{text}"
MAX_TOKENS = 1024
KEY = "benchmark-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of a peer, as its command line describes it.

    Attributes:
        url: of the simulator, without `/v1`.
        variant: which of the peer's settings; empty for those that it comes with.
        cpu_before_s: what importing the peer has cost.
    """

    url: str
    source: Path
    target: Path
    rows: int
    in_flight: int
    variant: str
    cpu_before_s: float = field(default_factory=lambda: cpu_s())  # noqa: PLW0108  # it is defined below

    @property
    def openai_url(self) -> str:
        """What OpenAI's clients call the base URL."""
        return f"{self.url}/v1"


def read_job() -> Job:
    """URL INPUT OUTPUT ROWS IN_FLIGHT [VARIANT]; call it when the peer is imported."""
    url, source, target, rows, in_flight, *variant = sys.argv[1:]
    return Job(
        url=url,
        source=Path(source),
        target=Path(target),
        rows=int(rows),
        in_flight=int(in_flight),
        variant="".join(variant),
    )


def read_texts(job: Job) -> list[str]:
    """Return the input's column as Python strings."""
    texts: list[str] = pq.read_table(job.source, columns=["text"])["text"].to_pylist()[: job.rows]
    return texts


def messages(text: str) -> list[dict[str, str]]:
    """Return the message that every peer sends for a row."""
    return [{"role": "user", "content": PROMPT.format(text=text)}]


def write_answers(job: Job, answers: Sequence[str | None]) -> int:
    """Write the input with one more column; return the number of rows with an answer."""
    table = pq.read_table(job.source).slice(0, job.rows)
    table = table.append_column("completion", pa.array(answers, pa.string()))
    pq.write_table(table, job.target, compression="zstd", compression_level=1)
    return sum(1 for answer in answers if answer)


def report(job: Job, done: int, *packages: str) -> None:
    """Print the one line of JSON that the benchmark reads."""
    line = {
        "rows_done": done,
        "rows_lost": job.rows - done,
        "wall_s": age_s(),
        "cpu_s": cpu_s(),
        "cpu_before_s": job.cpu_before_s,
        "peak_mb": peak_mb(),
        "versions": {name: version(name) for name in packages},
    }
    sys.stdout.write("\n" + json.dumps(line) + "\n")
    sys.stdout.flush()


def cpu_s() -> float:
    """Return the CPU seconds of this process and of its finished children."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(who) for who in whose]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def age_s() -> float:
    """Return the seconds since this process started. This needs Linux, as `peak_mb` does."""
    words = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(words[19]) / os.sysconf("SC_CLK_TCK")


def peak_mb() -> float:
    """Return the peak of resident memory. `ru_maxrss` would include the parent process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
