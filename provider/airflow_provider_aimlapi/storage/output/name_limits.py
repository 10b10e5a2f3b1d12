"""Refuses names that are too long for a store, before anything is paid for.

An output's name is the input's with a number and a suffix. So a name that could be read may be too
long to be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.visible_names import escaped_name
from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

SEGMENT_BYTES_MAX = 255
"""The most bytes of a file's or a folder's name on a disk with Linux or macOS."""
PATH_BYTES_MAX = 4096
"""The most bytes of a path on a disk."""
KEY_BYTES_MAX = 1024
"""The most bytes of a key in S3, Google Cloud Storage and Azure."""


def check_lengths(store: ObjectStore, names: Iterable[str]) -> None:
    """Refuse names that the store cannot hold.

    Raises:
        InvalidSpec: there is such a name. The text names the object, its length and the limit.
    """
    for name in names:
        scheme, _, location = store.uri(name).partition("://")
        if scheme == "file":
            _check_length(location, len(location.encode()), PATH_BYTES_MAX, "a path")
            for segment in location.split("/"):
                _check_length(segment, len(segment.encode()), SEGMENT_BYTES_MAX, "a file's name")
        elif scheme != "memory":
            key = location.partition("/")[2]
            _check_length(key, len(key.encode()), KEY_BYTES_MAX, "a key")


def _check_length(name: str, size_bytes: int, bytes_max: int, what: str) -> None:
    if size_bytes > bytes_max:
        raise InvalidSpec(
            f"Choose a shorter output_path, or rename an input file: {escaped_name(name[:80])}… would have "
            f"{size_bytes:,} bytes, and {what} has at most {bytes_max:,} there."
        )
