"""An s3fs file system's S3 as Arrow reads it: a fifth of the time for a footer. Writes nothing.

Arrow asks in C++, where s3fs needs milliseconds of Python for a request. It takes a copy of the
credentials, which is good for the seconds of planning and for nothing longer; and it knows less
than botocore does of proxies, certificates, endpoints and signers. So whatever is set up in an
unusual way is left to s3fs, and so is each file that Arrow cannot read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import pyarrow as pa
from fsspec.asyn import sync

from airflow_provider_aimlapi.storage.file_systems import kind_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem
    from pyarrow.dataset import ParquetFileFormat
    from pyarrow.fs import S3FileSystem

    from airflow_provider_aimlapi.core.plan import InputFile

FAILURES_MAX = 32
"""Then it is not tried any more: Arrow does not reach this store."""
AWS_HOST = ".amazonaws.com"
_USUAL_CONFIG = frozenset({"connect_timeout", "max_pool_connections", "read_timeout", "retries"})
_USUAL_CLIENT = frozenset({"endpoint_url", "region_name"})


class ArrowFooters:
    """Footers of an S3 bucket's files. Safe to call from threads."""

    def __init__(self, fs: S3FileSystem, parquet: ParquetFileFormat) -> None:
        self._fs = fs
        self._parquet = parquet
        self._failures = 0

    def read(self, file: InputFile) -> tuple[pa.parquet.FileMetaData, pa.Schema] | None:
        """A file's metadata and schema; None when it must be read in the ordinary way.

        What is wrong with it that way will say: errors of Arrow's S3 have no codes.
        """
        if self._failures >= FAILURES_MAX:
            return None
        try:
            fragment = self._parquet.make_fragment(file.path, self._fs, file_size=file.size_bytes)
            footer = fragment.metadata, fragment.physical_schema
        except (pa.ArrowException, OSError):
            self._failures += 1
            return None
        return footer


def arrow_footers(fs: AbstractFileSystem) -> ArrowFooters | None:
    """Arrow's way to the same bucket with the same credentials; None where it may not be the same."""
    if kind_of(fs) != "s3" or not _is_usual(fs):
        return None
    meta = fs.s3.meta  # which makes its session, too
    has_certificates = fs.session.get_config_variable("ca_bundle")
    if _is_unknown(meta.config) or (has_certificates and meta.endpoint_url.startswith("https")):
        return None
    key, secret, token = _credentials(fs)
    if not (key and secret):
        return None
    # Only here: pyarrow.dataset imports pandas wherever it is installed, half a second and 40 MB.
    from pyarrow.dataset import ParquetFileFormat  # noqa: PLC0415
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem  # noqa: PLC0415

    is_aws = meta.endpoint_url.endswith(AWS_HOST)
    arrow = S3FileSystem(
        access_key=key,
        secret_key=secret,
        session_token=token,
        region=meta.region_name,
        endpoint_override=None if is_aws else meta.endpoint_url,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=1),
    )
    return ArrowFooters(arrow, ParquetFileFormat())


def _is_usual(fs: Any) -> bool:
    """Whether nothing is set that Arrow has no word for."""
    return not (
        fs.anon
        or fs.req_kw
        or fs.s3_additional_kwargs
        or fs.version_aware
        or fs.cache_regions
        or fs.config_kwargs.keys() - _USUAL_CONFIG
        or fs.client_kwargs.keys() - _USUAL_CLIENT
        or getproxies().keys() - {"no"}
    )


def _is_unknown(config: Any) -> bool:
    """Whether botocore has been told of a signer or an endpoint that Arrow does not have."""
    return bool(
        config.signature_version != "s3v4"
        or config.s3
        or config.use_dualstack_endpoint
        or config.use_fips_endpoint
    )


def _credentials(fs: Any) -> tuple[str | None, str | None, str | None]:
    """Key, secret and token as they are now: those given, else what botocore finds."""
    if fs.key and fs.secret:
        return fs.key, fs.secret, fs.token

    async def frozen() -> Any:
        found = await fs.session.get_credentials()
        return None if found is None else await found.get_frozen_credentials()

    found = sync(fs.loop, frozen)
    return (
        (None, None, None) if found is None else (found.access_key, found.secret_key, found.token)
    )
