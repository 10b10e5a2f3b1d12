"""Turns foreign exceptions from reading the input into errors of the package."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from airflow_provider_aimlapi.errors import AimlapiError, InputUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.access.store_errors import (
    describe_error,
    meaning_of,
    store_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reading_input(uri: str) -> Iterator[None]:
    """Turn each error in reading a file into one of ours, with the file's name.

    Raises:
        StoreUnavailable: the problem may pass.
        InputUnreadable: any other problem: gone, changed, forbidden, or not valid Parquet.
    """
    try:
        yield
    except AimlapiError:
        raise
    except Exception as error:  # file systems and Arrow have their own errors
        raise _input_error(error, uri) from error


def is_about_content(error: Exception) -> bool:
    """Return whether an error concerns what a file holds, and not the store that it is in."""
    return isinstance(error, pa.ArrowNotImplementedError) or meaning_of(error) == "unknown"


def _input_error(error: Exception, uri: str) -> AimlapiError:
    meaning = "unknown" if is_about_content(error) else meaning_of(error)
    match meaning:
        case "passing":
            return StoreUnavailable(f"input_path: {store_error(error, action='read', uri=uri)}")
        case "absent":
            return InputUnreadable(f"input_path: {uri} does not exist.")
        case "forbidden":
            text = store_error(error, action="read", uri=uri)
            return InputUnreadable(f"input_path: {text}")
        case "changed" | "exists" | "past its end":  # the answers to "only if unchanged"
            return InputUnreadable(changed_file_text(uri))
        case "unknown":
            return InputUnreadable(_unread(error, uri))


def _unread(error: Exception, uri: str) -> str:
    if isinstance(error, pa.ArrowNotImplementedError):  # the file may be sound
        return (
            f"Cast the column to another type, or leave it out of the file: {uri} holds what Arrow "
            f"does not read: {describe_error(error)}"
        )
    return f"Replace or remove a file of input_path: {uri} is not a valid Parquet file: {describe_error(error)}"


def changed_file_text(uri: str) -> str:
    """Return the text for a file that is not the planned version."""
    return f"Start a new run of the task: {uri} was changed after this run had listed it."
