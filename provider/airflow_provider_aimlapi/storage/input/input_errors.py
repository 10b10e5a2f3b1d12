"""What a foreign exception means when it comes out of reading the input. Raises nothing itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import AimlapiError, InputUnreadable, StoreUnavailable
from airflow_provider_aimlapi.storage.access.store_errors import described, meaning_of, store_error

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reading(uri: str) -> Iterator[None]:
    """Give whatever goes wrong in reading a file its place in our error tree, with the file's name.

    Raises:
        StoreUnavailable: for what may pass.
        InputUnreadable: for everything else: gone, changed, forbidden, or no sound Parquet.
    """
    try:
        yield
    except AimlapiError:
        raise
    except Exception as error:  # file systems and Arrow have errors of their own
        raise _input_error(error, uri) from error


def _input_error(error: Exception, uri: str) -> AimlapiError:
    match meaning_of(error):
        case "passing":
            return StoreUnavailable(f"input_path: {store_error(error, action='read', uri=uri)}")
        case "absent":
            return InputUnreadable(f"input_path: {uri} is not there.")
        case "forbidden":
            told = store_error(error, action="read", uri=uri)
            return InputUnreadable(f"input_path: {told}")
        case "changed" | "exists" | "past its end":  # the answer to "only if unchanged", or shorter
            return InputUnreadable(changed(uri))
        case "unknown":
            return InputUnreadable(
                f"input_path: {uri} does not read as a sound Parquet file: {described(error)}"
            )


def changed(uri: str) -> str:
    """The words for a file that is not the one that was planned for."""
    return f"{uri} was changed after this run had listed it. Start a new run of the task."
