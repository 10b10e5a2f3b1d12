"""Decodes what a run stored, within limits on size, depth and type. No I/O.

Anyone who can write to an output can replace what is stored there. So every stored document is
decoded here, into a type whose fields carry their bounds (see `core.durable.bounds`). A bad document
raises one kind of error. The last of two equal keys counts, and unknown keys are ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from airflow_provider_aimlapi.errors import JournalUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


REMOVE_FOLDER = (
    "Remove the run's folder while no task works on the run. A retry then starts from the beginning and "
    "pays for all of its rows again."
)
"""The fix for an object of a run that cannot be made again without calls."""


def decode_stored(
    data: bytes | str, kind: type[T], *, what: str, bytes_max: int, fix: str = ""
) -> T:
    """Decode a stored JSON document.

    Args:
        data: as the store returned it.
        kind: a msgspec type. Its fields state their bounds, so that a decoded value is valid.
        what: names the document in the error, such as "plan.json of run 3f…".
        bytes_max: the limit of `data`, in characters if it is text.
        fix: a sentence for the error about what to do with such a document.

    Raises:
        JournalUnreadable: the document is too large, nested too deeply, not JSON, or not of this
            type. The text quotes nothing from it.
    """
    if len(data) > bytes_max:
        reason = f"is larger than {bytes_max:,} bytes, which no run writes"
        raise JournalUnreadable(_sentences_of_error(what, reason, fix))
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        reason = "is nested too deeply"
    except msgspec.ValidationError as error:
        reason = f"is not what a run writes{_field_path(error)}"
    except (msgspec.MsgspecError, UnicodeError):
        reason = "is not JSON"
    raise JournalUnreadable(_sentences_of_error(what, reason, fix))


def decode_record(payload: bytes, decode: Callable[[bytes], T]) -> T | None:
    """Decode the MessagePack of a journal record. There are as many records as rows.

    Args:
        decode: the method of a decoder whose type states its bounds.

    Returns:
        None for anything that is not such a record.
    """
    try:
        return decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _sentences_of_error(what: str, reason: str, fix: str) -> str:
    return f"{fix} {what} {reason}.".lstrip()


def _field_path(error: msgspec.ValidationError) -> str:
    """Return where in the document the error is. The rest of its text may quote a value."""
    _, separator, field_path = str(error).rpartition(" - at ")
    return f" at {field_path}" if separator else ""
