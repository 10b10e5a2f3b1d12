"""Lists and reads S3 with obstore while a run is planned: thousands of files within seconds.

s3fs takes milliseconds of Python per request, and most of a listing's time to parse dates that are
not needed. obstore does that in Rust. Whatever obstore cannot list or read is left to s3fs, whose
errors can be classified. Writes nothing.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aimlapi.storage.access.s3_access import usual_access

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fsspec import AbstractFileSystem
    from obstore.store import S3Config, S3Credential, S3Store

    from airflow_provider_aimlapi.core.durable.plan import InputFile
    from airflow_provider_aimlapi.storage.access.s3_access import S3Access

FAILURES_MAX = 32
"""After this many failures it is not used any more: obstore cannot reach this store."""

NAMES_MAX = 1000
"""The most names that S3 returns for one request."""

_USERS: set[int] = set()
"""The processes that have used obstore. A forked child has a copy, which names its parent."""

T = TypeVar("T")


class QuickS3:
    """One bucket. Safe to call from threads."""

    def __init__(self, bucket: str, store: S3Store) -> None:
        self._bucket = bucket
        self._store = store
        self._failures = 0

    def entries_below(self, path: str) -> Mapping[str, Mapping[str, Any]] | None:
        """Return all objects below a path as s3fs would, without their dates.

        None means that s3fs must be used: there is no object, or obstore has no path for a name. The
        marker of a folder loses the slash at its end, and looks like an empty object.
        """
        import obstore  # noqa: PLC0415  # here and below: only who has S3 has it

        prefix = path.partition("/")[2]
        listed = _result_or_none(lambda: obstore.list(self._store, prefix or None).collect())
        found = {
            f"{self._bucket}/{entry['path']}": {"size": entry["size"], "ETag": entry["e_tag"]}
            for entry in listed or ()
            if entry["path"] != prefix  # the folder's own marker is not below it
        }
        return found or None

    def names_in(self, folder: str) -> list[str] | None:
        """Return names below a folder, NAMES_MAX at most; None if s3fs must be used."""
        import obstore  # noqa: PLC0415

        prefix = folder.partition("/")[2]
        pages = _result_or_none(
            lambda: list(islice(obstore.list(self._store, prefix, chunk_size=NAMES_MAX), 1))
        )
        if pages is None:
            return None
        return [entry["path"].removeprefix(f"{prefix}/") for page in pages for entry in page]

    def end_of(self, file: InputFile, size_bytes: int) -> memoryview | None:
        """Return a file's last bytes, or all of a smaller file; None if s3fs must be used."""
        # A range without bytes is an error.
        if not file.size_bytes:
            return None
        return self._read_range(file.path, max(0, file.size_bytes - size_bytes), file.size_bytes)

    def start_of(self, path: str, size_bytes: int) -> memoryview | None:
        """Return a file's first bytes; None if s3fs must be used."""
        return self._read_range(path, 0, size_bytes)

    def _read_range(self, path: str, start: int, end: int) -> memoryview | None:
        import obstore  # noqa: PLC0415

        if self._failures >= FAILURES_MAX:
            return None
        key = path.partition("/")[2]
        found = _result_or_none(lambda: obstore.get_range(self._store, key, start=start, end=end))
        self._failures += found is None
        return None if found is None else memoryview(found)


def _result_or_none(call: Callable[[], T]) -> T | None:
    """Return the result of a request; None if s3fs must be used."""
    from obstore.exceptions import BaseError  # noqa: PLC0415

    if _is_forked():
        return None
    try:
        return call()
    except (BaseError, OSError, ValueError):  # ValueError: obstore has no path for the name
        return None


def _is_forked() -> bool:
    """Return whether an ancestor of this process has used obstore, which would block here."""
    return not {os.getpid()} >= _USERS


def quick_s3(fs: AbstractFileSystem, path: str) -> QuickS3 | None:
    """Return the same bucket with the same credentials; None if it might not be the same.

    Args:
        path: as the file system names it, bucket first.
    """
    access = usual_access(fs)
    bucket = path.partition("/")[0]
    if access is None or not bucket or find_spec("obstore") is None or _is_forked():
        return None
    _USERS.add(os.getpid())
    from obstore.exceptions import BaseError  # noqa: PLC0415

    try:
        return QuickS3(bucket, _open_bucket(bucket, access))
    except BaseError:  # such as that of an old obstore about an option that it does not have
        return None


def _open_bucket(bucket: str, access: S3Access) -> S3Store:
    """Open a bucket with explicit settings only: obstore reads each missing option from AWS_….

    Options that only affect writes are set, too, because obstore refuses a value that it cannot parse.
    """
    from obstore.store import S3Store  # noqa: PLC0415

    def explicit_credentials() -> S3Credential:
        return {
            "access_key_id": access.key,
            "secret_access_key": access.secret,
            "token": access.token,
            "expires_at": None,
        }

    config: S3Config = {
        "endpoint": access.endpoint_url,
        "aws_endpoint_url_s3": access.endpoint_url,  # else AWS_ENDPOINT_URL_S3 takes precedence
        "virtual_hosted_style_request": False,
        "skip_signature": False,
        "unsigned_payload": False,
        "request_payer": False,
        "s3_express": False,
        "server_side_encryption": "AES256",  # for uploads; the environment's sse-c adds headers
        "sse_bucket_key_enabled": False,
        "checksum_algorithm": "SHA256",
        "conditional_put": "etag",
        "copy_if_not_exists": "multipart",
        "disable_tagging": False,
        "disable_bulk_delete": False,
        "imdsv1_fallback": False,
    }
    if access.region:
        config["region"] = access.region
    # A failed request is left to s3fs, which repeats it by its own rules. Plain HTTP is allowed
    # because the endpoint's own scheme decides.
    return S3Store(
        bucket,
        config=config,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
        credential_provider=explicit_credentials,
    )
