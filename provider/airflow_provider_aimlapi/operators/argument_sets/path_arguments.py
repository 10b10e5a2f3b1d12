"""Opens the paths that an operator's arguments name, through its storage connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators import arguments
from airflow_provider_aimlapi.operators.locations import open_location, parse_location

if TYPE_CHECKING:
    from airflow_provider_aimlapi.engine.job import OpenLocation


def open_path(operator: object, name: str) -> OpenLocation:
    """Return the location of an argument that is a path. Raises as `open_location`."""
    return _open_location(operator, name, getattr(operator, name))


def open_paths(operator: object, name: str) -> tuple[OpenLocation, ...] | None:
    """Return the locations of an argument that is a list of paths, or None. Raises as above."""
    paths = read_paths(name, getattr(operator, name))
    return None if paths is None else tuple(_open_location(operator, name, path) for path in paths)


def read_path(name: str, value: object) -> None:
    """Check a path. Raises as `parse_location`."""
    parse_location(value, argument=name, storage_conn_id=None)


def read_paths(name: str, value: object) -> tuple[str, ...] | None:
    """Return a list of paths as texts, or None.

    Raises:
        InvalidSpec: the value is something else, or one of them is no path.
    """
    value = arguments.none_if_empty(value)
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise InvalidSpec(f"{name}={value!r}: give a list of paths, or None.")
    for path in value:
        read_path(name, path)
    return tuple(map(str, value))


def _open_location(operator: object, name: str, path: object) -> OpenLocation:
    conn_id = arguments.read_optional_text(
        "storage_conn_id", getattr(operator, "storage_conn_id", None)
    )
    return open_location(parse_location(path, argument=name, storage_conn_id=conn_id))
