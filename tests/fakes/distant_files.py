"""A distant file system for input. It counts requests, and can wait before each."""

from __future__ import annotations

import time
from random import Random
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem


class DistantFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Files in memory, in one folder.

    Attributes:
        requests: how many were made.
    """

    protocol = "distant"
    cachable = False

    def __init__(
        self, files: dict[str, bytes], *, waits_s: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        super().__init__()
        self.requests = 0
        self._files = files
        self._waits_s = waits_s
        self._random = Random(1)  # noqa: S311  # the same waits each time

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # fsspec's
        self.request()
        found = [
            {"name": name, "size": len(data), "type": "file", "ETag": "1"}
            for name, data in self._files.items()
            if name == path or name.startswith(f"{path}/".lstrip("/"))
        ]
        return found if detail else [entry["name"] for entry in found]

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        self.request()
        return self._files[path][start:end]

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        return _DistantFile(self, path, mode, **options)

    def request(self) -> None:
        """Count one request, and wait."""
        self.requests += 1
        if self._waits_s[1]:
            time.sleep(self._random.uniform(*self._waits_s))


class _DistantFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = self.fs.cat_file(self.path, start, end)
        return data
