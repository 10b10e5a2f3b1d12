"""What it takes to reach an s3fs file system's S3 by another client, where that is set up as usual.

botocore knows more of proxies, certificates, endpoints and signers than others do. So whatever is
set up in an unusual way is left to the file system itself. Asks S3 for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

from fsspec.asyn import sync

from airflow_provider_aimlapi.storage.access.file_systems import kind_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_USUAL_CONFIG = frozenset({"connect_timeout", "max_pool_connections", "read_timeout", "retries"})
_USUAL_CLIENT = frozenset({"endpoint_url", "region_name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Access:
    """The credentials of this moment, good for the seconds of planning and for nothing longer.

    Attributes:
        endpoint_url: botocore's, for AWS itself, too.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(repr=False)
    region: str | None
    endpoint_url: str


def usual_access(fs: AbstractFileSystem) -> S3Access | None:
    """How to reach the same buckets with the same credentials; None where that may not be the same."""
    if kind_of(fs) != "s3" or not _is_usual(fs):
        return None
    meta = fs.s3.meta  # which makes its session, too
    has_certificates = fs.session.get_config_variable("ca_bundle")
    if _is_unknown(meta.config) or (has_certificates and meta.endpoint_url.startswith("https")):
        return None
    key, secret, token = _credentials(fs)
    if not (key and secret and f"{key}{secret}{token or ''}".isprintable()):
        return None  # obstore panics at a line end in one of them
    return S3Access(
        key=key,
        secret=secret,
        token=token,
        region=meta.region_name,
        endpoint_url=meta.endpoint_url,
    )


def _is_usual(fs: Any) -> bool:
    """Whether nothing is set that others may have no word for."""
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
    """Whether botocore has been told of a signer or an endpoint that others may not have."""
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
