"""Names of properties that no column can have, or that readers confuse. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.schemas.refusal import refusal_at
from airflow_provider_aimlapi.core.texts.column_names import describe_difference, name_key

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_names(names: Iterable[str], path: str) -> None:
    """Refuse names of one object that cannot be, side by side, names of columns.

    Raises:
        InvalidSpec: a name is empty, cannot be written, or differs from another only in case.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not isinstance(name, str) or not name.strip() or "\0" in name or not _is_utf8(name):
            raise refusal_at(path, f"has a property named {name!a}, which no column can be named.")
        other = seen.setdefault(name_key(name), name)
        if other != name:
            raise refusal_at(
                path,
                f"has two properties that readers confuse: {describe_difference(other, name)}. "
                f"Rename one.",
            )


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
