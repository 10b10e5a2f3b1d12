"""File systems that only record that they were made, in place of fsspec's registry."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from fsspec import AbstractFileSystem, register_implementation
from fsspec.registry import _registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class RecordedFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Records its protocol and its URL when it is made."""

    cachable = False
    made: ClassVar[list[str]] = []

    def __init__(self, *_: Any, **options: Any) -> None:
        super().__init__()
        self.made.append(str(self.protocol))
        if "target_protocol" in options:
            self.made.append(f"{options['target_protocol']} behind {self.protocol}")

    def connect(self) -> None:
        """Connect to nothing. s3fs has this method, too."""


@contextmanager
def recorded_file_systems(protocols: Iterable[str]) -> Iterator[list[str]]:
    """Have fsspec make only recorded file systems, and yield the protocols of those made."""
    before = dict(_registry)
    RecordedFileSystem.made.clear()
    for protocol in protocols:
        kind = type("Recorded", (RecordedFileSystem,), {"protocol": protocol})
        register_implementation(protocol, kind, clobber=True)
    try:
        yield RecordedFileSystem.made
    finally:
        _registry.clear()
        _registry.update(before)
