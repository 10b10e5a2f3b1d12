"""An s3fs file system's S3 as obstore asks it, in planning: thousands of files within seconds.

s3fs needs milliseconds of Python for a request, and most of a listing's time to read when each object
changed, which nobody asks. obstore asks in Rust. What it has no word for is left to s3fs, and so is
whatever it cannot list or read: s3fs says what is wrong in a way that can be judged. Writes nothing.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_aimlapi.storage.s3_access import usual_access

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsspec import AbstractFileSystem
    from obstore.store import S3Config, S3Credential, S3Store

    from airflow_provider_aimlapi.core.plan import InputFile
    from airflow_provider_aimlapi.storage.s3_access import S3Access

FAILURES_MAX = 32
"""Then it is not tried any more: obstore does not reach this store."""

NAMES_MAX = 1000
"""As many as S3 returns for one request."""


class QuickS3:
    """One bucket. Safe to call from threads."""

    def __init__(self, bucket: str, store: S3Store) -> None:
        self._bucket = bucket
        self._store = store
        self._failures = 0

    def entries(self, path: str) -> Mapping[str, Mapping[str, Any]] | None:
        """All objects below a path as s3fs finds them, but for their dates.

        None when s3fs must be asked: there is nothing, or a name that obstore has no path for.
        The marker of a folder loses the slash at its end, and looks like an empty object.
        """
        import obstore  # noqa: PLC0415  # here and below: only who has S3 has it
        from obstore.exceptions import BaseError  # noqa: PLC0415

        prefix = path.partition("/")[2]
        try:
            listed = obstore.list(self._store, prefix or None).collect()
        except (BaseError, OSError, ValueError):  # ValueError: obstore has no path for the name
            return None
        found = {
            f"{self._bucket}/{entry['path']}": {"size": entry["size"], "ETag": entry["e_tag"]}
            for entry in listed
            if entry["path"] != prefix  # not below it: its own marker
        }
        return found or None

    def names_in(self, folder: str) -> list[str] | None:
        """Return names below a folder, NAMES_MAX at most; None when s3fs must be asked."""
        import obstore  # noqa: PLC0415
        from obstore.exceptions import BaseError  # noqa: PLC0415

        prefix = folder.partition("/")[2]
        try:
            listed = next(iter(obstore.list(self._store, prefix, chunk_size=NAMES_MAX)), [])
        except (BaseError, OSError, ValueError):
            return None
        return [entry["path"].removeprefix(f"{prefix}/") for entry in listed]

    def end_of(self, file: InputFile, size_bytes: int) -> memoryview | None:
        """Return a file's last bytes, all of it if it is smaller; None when s3fs must be asked."""
        if not file.size_bytes:
            return None
        return self._range(file.path, max(0, file.size_bytes - size_bytes), file.size_bytes)

    def start_of(self, path: str, size_bytes: int) -> memoryview | None:
        """Return a file's first bytes; None when s3fs must be asked."""
        return self._range(path, 0, size_bytes)

    def _range(self, path: str, start: int, end: int) -> memoryview | None:
        import obstore  # noqa: PLC0415
        from obstore.exceptions import BaseError  # noqa: PLC0415

        if self._failures >= FAILURES_MAX:
            return None
        try:
            found = obstore.get_range(self._store, path.partition("/")[2], start=start, end=end)
        except (BaseError, OSError, ValueError):
            self._failures += 1
            return None
        return memoryview(found)


def quick_s3(fs: AbstractFileSystem, path: str) -> QuickS3 | None:
    """The same bucket with the same credentials; None where it may not be the same.

    Args:
        path: as the file system names it, bucket first.
    """
    access = usual_access(fs)
    bucket = path.partition("/")[0]
    if access is None or not bucket or find_spec("obstore") is None:
        return None
    from obstore.exceptions import BaseError  # noqa: PLC0415

    try:
        return QuickS3(bucket, _store(bucket, access))
    except BaseError:  # as an old one says of an option that it does not know
        return None


def _store(bucket: str, access: S3Access) -> S3Store:
    """Everything that says where to ask, and as whom, is given: else the environment would say it."""
    from obstore.store import S3Store  # noqa: PLC0415

    def credentials() -> S3Credential:
        return {
            "access_key_id": access.key,
            "secret_access_key": access.secret,
            "token": access.token,
            "expires_at": None,
        }

    config: S3Config = {
        "endpoint": access.endpoint_url,
        "aws_endpoint_url_s3": access.endpoint_url,  # or AWS_ENDPOINT_URL_S3 would come first
        "virtual_hosted_style_request": False,
    }
    if access.region:
        config["region"] = access.region
    return S3Store(
        bucket,
        config=config,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
        credential_provider=credentials,
    )
