"""Puts a bug into the real code for a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def swapped(owner: object, name: str, replacement: object) -> Iterator[None]:
    """Replace a function or method by another, and restore it at the end."""
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, original)
