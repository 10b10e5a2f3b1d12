"""An Azure that copies slowly: it answers "pending" first, and copies at the second request.

It follows https://learn.microsoft.com/rest/api/storageservices/copy-blob: 202 with the status in
`x-ms-copy-status`, then the same header in the target's properties. Azurite copies at once.
"""

from __future__ import annotations

from tests.fakes.scripted_s3 import ScriptedS3

Answer = tuple[int, list[tuple[str, str]], bytes]


class SlowCopies(ScriptedS3):
    """A server in front of Azurite. An `ends_as` that is not "success" leaves the copy undone."""

    def __init__(self, behind_url: str, *, ends_as: str = "success") -> None:
        super().__init__(behind_url)
        self.looks = 0
        self._ends_as = ends_as
        self._waiting: tuple[str, str, dict[str, str], bytes] | None = None

    def pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if method == "PUT" and "x-ms-copy-source" in headers:
            self._waiting = (method, path, headers, body)
            return 202, [_copy("pending")], b""
        if method == "HEAD" and self._waiting is not None:
            return self._looked_at()
        return super().pass_on(method, path, headers, body)

    def _looked_at(self) -> Answer:
        assert self._waiting is not None
        self.looks += 1
        if self.looks == 1:
            return 200, [_copy("pending")], b""
        if self._ends_as == "success":
            status, *_ = super().pass_on(*self._waiting)
            assert status == 202
        self._waiting = None
        return 200, [_copy(self._ends_as)], b""


def _copy(status: str) -> tuple[str, str]:
    return "x-ms-copy-status", status
