"""The settings with which a second client reaches an s3fs file system's S3, if they are usual ones.

botocore supports more proxies, certificates, endpoints and signers than other clients. So an unusual
setting is left to the file system itself. Sends no request to S3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

from fsspec.asyn import sync

from airflow_provider_aimlapi.storage.access.file_systems import kind_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Settings that change how requests are made, but neither their address nor their signature.
_USUAL_CONFIG = frozenset({"connect_timeout", "max_pool_connections", "read_timeout", "retries"})
_USUAL_CLIENT = frozenset({"endpoint_url", "region_name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Access:
    """The current credentials, which are used for the seconds of planning only.

    Attributes:
        endpoint_url: botocore's, for AWS itself, too.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(repr=False)
    region: str | None
    endpoint_url: str


def usual_access(fs: AbstractFileSystem) -> S3Access | None:
    """Return the settings for the same buckets and credentials; None if they might differ."""
    if kind_of(fs) != "s3" or not _is_usual(fs):
        return None
    meta = fs.s3.meta  # this also creates the session
    has_certificates = fs.session.get_config_variable("ca_bundle")
    if _is_unknown(meta.config) or (has_certificates and meta.endpoint_url.startswith("https")):
        return None
    key, secret, token = _current_credentials(fs)
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
    """Return whether no setting is used that other clients may lack."""
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
    """Return whether botocore has a signer or an endpoint that other clients may lack."""
    return bool(
        config.signature_version != "s3v4"
        or config.s3
        or config.use_dualstack_endpoint
        or config.use_fips_endpoint
    )


def _current_credentials(fs: Any) -> tuple[str | None, str | None, str | None]:
    """Return key, secret and token at this moment: the explicit ones, else those of botocore."""
    if fs.key and fs.secret:
        return fs.key, fs.secret, fs.token

    async def frozen_credentials() -> Any:
        found = await fs.session.get_credentials()
        return None if found is None else await found.get_frozen_credentials()

    found = sync(fs.loop, frozen_credentials)
    return (
        (None, None, None) if found is None else (found.access_key, found.secret_key, found.token)
    )
