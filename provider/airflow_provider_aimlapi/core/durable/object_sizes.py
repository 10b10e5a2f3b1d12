"""The most bytes that a run stores in an object of each kind. No I/O.

Anyone who can write to an output can store something larger there. So each read has a limit, and a
larger object is refused before it fills the memory. A doubled limit doubles the memory that such an
object can take in a worker. Half a limit may refuse an object of the largest run.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

SMALL_BYTES_MAX: Final = 64 * KIB
"""A lease, a heartbeat, `_SUCCESS`, a note about dropped instructions: each takes a few kB at most."""
PROGRESS_BYTES_MAX: Final = 128 * KIB
"""Twice the 65,535 bytes that a run writes at most."""
REPORT_BYTES_MAX: Final = 4 * MIB
"""The page with everything that it loads takes about 200 kB."""
SEGMENT_BYTES_MAX: Final = 64 * MIB
"""The journal splits longer segments. One record always fits: an answer has at most 32 MiB."""
PLAN_BYTES_MAX: Final = 128 * MIB
"""A plan for 100 million rows in 20,000 files takes up to 75 MB, if rows are so wide that a part
has 400 of them. A larger input is refused before anything is spent."""
MANIFEST_BYTES_MAX: Final = 256 * MIB
"""A part takes up to 900 bytes, so this is enough for 300,000 parts, more than a plan may have."""
PART_BYTES_MAX: Final = 512 * MIB
"""A part holds at most 8,192 rows and 32 MiB of decoded input. But a row has no limit of its own: an
answer alone may take 32 MiB. A part is written from one buffer and read into one. A larger part takes
several times as much memory, which few workers have."""
