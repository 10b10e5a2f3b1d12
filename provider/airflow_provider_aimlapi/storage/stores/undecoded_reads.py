"""Reads the stored bytes of an object of Google Cloud Storage or Azure.

An object's metadata may state that it is compressed. gcsfs and adlfs then decompress all of it in
memory: 200 kB of such an object took 400 MB. Here nothing is decompressed. s3fs never does that.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fsspec.asyn import sync

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

REFUSAL_BYTES_MAX = 64 * 1024
"""The most bytes of an answer that explains why there is no object."""


def read_google(fs: AbstractFileSystem, path: str, bytes_max: int, start: int = 0) -> bytes:
    """Return bytes of an object with one GET. Retries and errors are those of gcsfs."""
    from gcsfs.retry import retry_request  # noqa: PLC0415  # only who has Google has it

    return bytes(sync(fs.loop, retry_request(_get_google), fs, path, bytes_max, start))


async def _get_google(fs: AbstractFileSystem, path: str, bytes_max: int, start: int) -> bytes:
    from gcsfs.retry import validate_response  # noqa: PLC0415

    is_zonal = getattr(fs, "_is_zonal_bucket", None)  # zonal buckets answer by gRPC, undecoded
    if is_zonal is not None and await is_zonal(path.partition("/")[0]):
        return bytes(await fs._cat_file(path, start=start, end=start + bytes_max))  # noqa: SLF001
    session: Any = await fs._set_session()  # noqa: SLF001  # gcsfs decompresses in all public calls
    async with session.get(
        fs.url(path),
        params=fs._get_params({}),  # noqa: SLF001
        headers=fs._get_headers({"Range": f"bytes={start}-{start + bytes_max - 1}"}),  # noqa: SLF001
        timeout=fs.requests_timeout,
        auto_decompress=False,
    ) as response:
        if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # the object is empty
            return b""
        is_refused = response.status >= HTTPStatus.BAD_REQUEST
        content = await _first_bytes(
            response.content, REFUSAL_BYTES_MAX if is_refused else bytes_max
        )
        validate_response(response.status, content, path)
        return content


async def _first_bytes(stream: Any, bytes_max: int) -> bytes:
    content = bytearray()
    while piece := await stream.read(bytes_max - len(content)):
        content += piece
    return bytes(content)


def read_azure(fs: AbstractFileSystem, path: str, bytes_max: int, start: int = 0) -> bytes:
    """Return bytes of a blob; a few take one GET. Raises the errors of Azure's client."""
    return bytes(sync(fs.loop, _get_azure, fs, path, bytes_max, start))


async def _get_azure(fs: AbstractFileSystem, path: str, bytes_max: int, start: int) -> bytes:
    container, blob, _ = fs.split_path(path)
    async with fs.service_client.get_blob_client(container, blob) as client:
        stream = await client.download_blob(
            offset=start,
            length=bytes_max,
            max_concurrency=fs.max_concurrency,
            decompress=False,
            **fs._timeout_kwargs,  # noqa: SLF001  # as adlfs itself
        )
        return bytes(await stream.readall())
