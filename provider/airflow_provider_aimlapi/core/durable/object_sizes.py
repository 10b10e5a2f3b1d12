"""The most bytes that a run stores in an object of each kind. No I/O.

Anyone who can write to an output can store something larger there. So each read names its limit,
and an object above it is refused before it fills the memory. Doubling a limit doubles what such an
object can make a worker hold; halving one may refuse what a run of the largest size has stored.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

SMALL_BYTES_MAX: Final = 64 * KIB
"""A lease, a heartbeat, `_SUCCESS`, a note that instructions were dropped: each takes at most a few kB."""
PROGRESS_BYTES_MAX: Final = 128 * KIB
"""Twice what a run writes there, which is at most 65,535 bytes."""
REPORT_BYTES_MAX: Final = 4 * MIB
"""The page with everything that it loads, about 200 kB."""
SEGMENT_BYTES_MAX: Final = 64 * MIB
"""The journal splits what is larger. One record always fits: an answer has at most 32 MiB."""
PLAN_BYTES_MAX: Final = 128 * MIB
"""A plan for 100 million rows in 20,000 files takes up to 75 MB, if rows are so wide that a part
has 400 of them. An input that needs more is refused before anything is spent."""
MANIFEST_BYTES_MAX: Final = 256 * MIB
"""A part takes up to 900 bytes here: this is room for 300,000 parts, more than a plan may have."""
PART_BYTES_MAX: Final = 512 * MIB
"""A part holds at most 8,192 rows and 32 MiB of decoded input, but a row has no limit of its own:
an answer alone may take 32 MiB. A part is written from one buffer and read back into one; to write
a larger one takes several times as much memory, which few workers have."""
