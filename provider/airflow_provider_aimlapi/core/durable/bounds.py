"""The ranges of numbers and texts that are read back from a store. No I/O.

Anyone who can write to an output can choose what is stored there. So each decoded field has one of
these types, and a value outside of its range is one that no run writes. Each maximum is higher than
any run reaches, and low enough that sums of such values fit into 64 bits.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

COUNT_MAX: Final = 2**62
"""Rows, tokens, calls and bytes. Two billion rows with a billion tokens each are half of this."""
TOTAL_NANO_USD_MAX: Final = 2**62
"""Four billion dollars. No budget is higher, so no stored amount can raise one."""
EPOCH_MAX: Final = 99_999_999
"""The largest number of eight digits, which names of objects have. A run has a few epochs."""
PART_MAX: Final = 999_999_999
"""The largest number of nine digits, which names of parts have."""
MOMENT_US_MAX: Final = 253_402_300_799_999_999
"""The end of the year 9999, where Python's and Arrow's calendars end."""
ATTEMPTS_MAX: Final = 2**31 - 1
"""The largest number in the column `attempts`."""
ANSWER_TOKENS_MAX: Final = 10**9
"""No model reads or writes a billion tokens in one call."""
SHARD_ROWS_MAX: Final = 8192
"""The outcomes of a shard, a few kB each, then fit into memory several times."""

Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]
NanoUsd = Annotated[int, Meta(ge=0, le=TOTAL_NANO_USD_MAX)]
Saving = Annotated[int, Meta(ge=-TOTAL_NANO_USD_MAX, le=TOTAL_NANO_USD_MAX)]
"""Nano-dollars; negative for a loss."""
Epoch = Annotated[int, Meta(ge=0, le=EPOCH_MAX)]
PartNumber = Annotated[int, Meta(ge=0, le=PART_MAX)]
MomentUs = Annotated[int, Meta(ge=0, le=MOMENT_US_MAX)]
Attempts = Annotated[int, Meta(ge=0, le=ATTEMPTS_MAX)]
ShardRows = Annotated[int, Meta(ge=0, le=SHARD_ROWS_MAX)]
Sha256Hex = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
RunKey = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
