"""Reads back what a run stored, within limits on size, depth and type. No I/O.

Anyone who can write to an output can replace what is stored there. So every stored document is
decoded here, into a type whose fields carry their bounds (see `core.durable.bounds`), and a bad one raises
one kind of error. Of two equal keys of an object the last counts; unknown keys are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from airflow_provider_aimlapi.errors import JournalUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


REMOVE_FOLDER = (
    "Remove the run's folder while nothing is at work on the run. A retry then begins anew and pays "
    "for all of its rows again."
)
"""What to do about an object of a run that cannot be made again without calls."""


def decode_stored(
    data: bytes | str, kind: type[T], *, what: str, bytes_max: int, fix: str = ""
) -> T:
    """Decode a stored JSON document.

    Args:
        data: as the store returned it.
        kind: a msgspec type. Its fields state their bounds, so that a decoded value is valid.
        what: names the document in the error, such as "plan.json of run 3f…".
        bytes_max: of `data`, or of its characters when it is text.
        fix: a sentence for the error, on what to do about such a document.

    Raises:
        JournalUnreadable: it is too large, nested too deeply, no JSON, or not of this type. The text
            quotes nothing from the document.
    """
    if len(data) > bytes_max:
        reason = f"is larger than {bytes_max:,} bytes, which no run writes"
        raise JournalUnreadable(_sentences(what, reason, fix))
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        reason = "is nested too deeply for anything a run writes"
    except msgspec.ValidationError as error:
        reason = f"is not what a run writes{_place(error)}"
    except (msgspec.MsgspecError, UnicodeError):
        reason = "is not JSON"
    raise JournalUnreadable(_sentences(what, reason, fix))


def decode_record(payload: bytes, decode: Callable[[bytes], T]) -> T | None:
    """Decode the MessagePack of a journal record, of which there are as many as rows.

    Args:
        decode: of a decoder whose type states its bounds.

    Returns:
        None for anything that is no such record.
    """
    try:
        return decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _sentences(what: str, reason: str, fix: str) -> str:
    return f"{what} {reason}. {fix}".rstrip()


def _place(error: msgspec.ValidationError) -> str:
    """Return where in the document the error is; the rest of its text may quote a value."""
    _, separator, place = str(error).rpartition(" - at ")
    return f" at {place}" if separator else ""
