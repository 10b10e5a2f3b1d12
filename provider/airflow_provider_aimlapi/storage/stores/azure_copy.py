"""Copies a blob within Azure and waits for the end. Handles no other store.

adlfs starts a copy and ignores the answer, which may be that the copy has only begun.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

from fsspec.asyn import sync

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

POLL_INTERVAL_S = 0.2
COPY_S_MAX = 600.0
"""Within an account a copy ends at once, with rare exceptions."""


def copy_blob(fs: AbstractFileSystem, source: str, target: str) -> None:
    """Copy on the server's side. The target is complete when this returns.

    Raises:
        OSError: the service aborted the copy.
        TimeoutError: the copy is still running.
        azure.core.exceptions.AzureError: as for any request.
    """
    sync(fs.loop, _copy_and_wait, fs, source, target)


async def _copy_and_wait(fs: AbstractFileSystem, source: str, target: str) -> None:
    original, copy = (
        fs.service_client.get_blob_client(*fs.split_path(path)[:2]) for path in (source, target)
    )
    async with asyncio.timeout(COPY_S_MAX):
        status: str = (await copy.start_copy_from_url(original.url))["copy_status"]
        while status == "pending":
            await asyncio.sleep(POLL_INTERVAL_S)
            status = (await copy.get_blob_properties()).copy.status
    if status != "success":
        raise OSError(errno.EIO, f"the copy ended as {status}", target)
