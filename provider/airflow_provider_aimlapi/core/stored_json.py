"""Reads back JSON that a run stored, within limits on size, depth and type. No I/O.

Anyone who can write to an output can replace what is stored there. So every stored document is
decoded here, into a type whose fields carry their bounds, and a bad one raises one kind of error.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from airflow_provider_aimlapi.errors import JournalUnreadable

T = TypeVar("T")


def decode_stored(data: bytes | str, kind: type[T], *, what: str, bytes_max: int) -> T:
    """Decode a stored JSON document.

    Args:
        data: as the store returned it.
        kind: a msgspec type. Its fields state their bounds, so that a decoded value is valid.
        what: names the document in the error, such as "plan.json of run 3f…".
        bytes_max: of `data`, or of its characters when it is text.

    Raises:
        JournalUnreadable: it is too large, nested too deeply, no JSON, or not of this type. The text
            quotes nothing from the document.
    """
    if len(data) > bytes_max:
        raise JournalUnreadable(f"{what} is larger than {bytes_max:,} bytes, which no run writes.")
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise JournalUnreadable(f"{what} is nested too deeply for anything a run writes.") from None
    except msgspec.ValidationError as error:
        raise JournalUnreadable(f"{what} is not what a run writes{_place(error)}.") from None
    except (msgspec.MsgspecError, UnicodeError):
        raise JournalUnreadable(f"{what} is not JSON.") from None


def _place(error: msgspec.ValidationError) -> str:
    """Return where in the document the error is; the rest of its text may quote a value."""
    _, separator, place = str(error).rpartition(" - at ")
    return f" at {place}" if separator else ""
