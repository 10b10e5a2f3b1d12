"""TLS contexts of a client, and certificates from files. Opens no connection."""

from __future__ import annotations

import os
import re
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.errors import ConnectionIncomplete

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.calls.route import Certificates

FILE_BYTES_MAX = 16 * 1024 * 1024
"""All public authorities take 300 kB together. A larger file is not a certificate file."""
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+\Z")
"""File names as `openssl rehash` makes them. OpenSSL finds no other files in a folder."""


def tls_context(certificates: Certificates | None) -> ssl.SSLContext:
    """Return a context that verifies servers against these certificates only.

    Args:
        certificates: None for certifi's list, which is httpx's default.

    Raises:
        ConnectionIncomplete: no certificates can be read.
    """
    if certificates is None:
        context = httpx.create_ssl_context(trust_env=False)
    else:
        context = _own_context(certificates)
    # Python takes SSLKEYLOGFILE from the environment, and writes keys to it that decrypt all calls.
    context.keylog_filename = None  # type: ignore[assignment]  # typeshed does not allow None
    return context


def _own_context(certificates: Certificates) -> ssl.SSLContext:
    # OpenSSL accepts several folders in one setting. It reads them while it connects, so an empty
    # folder would only fail later, without a reason.
    folders = [name for name in certificates.path.split(os.pathsep) if _is_folder(name)]
    # 1. Folders, which only `SSL_CERT_DIR` and the variables of requests may name.
    # 2. A file. OpenSSL's own errors about it are numbers, so the usual mistakes are found first.
    if certificates.may_be_folder and folders:
        if not any(map(_has_certificates, folders)):
            raise _refused_certificates(
                certificates,
                "which holds no certificates under hashed names. Run `openssl rehash` on it",
            )
        return ssl.create_default_context(capath=certificates.path)
    _check_file(certificates)
    try:
        context = ssl.create_default_context(cafile=certificates.path)
    except ssl.SSLError:
        raise _refused_certificates(
            certificates, "which holds no certificate in PEM that can be read"
        ) from None
    except OSError as error:
        raise _refused_certificates(
            certificates, f"which cannot be read ({os.strerror(error.errno or 0)})"
        ) from None
    # A file of comments loads without an error, and would then refuse each server.
    if not context.cert_store_stats()["x509"]:
        raise _refused_certificates(certificates, "which holds no certificate")
    return context


def _check_file(certificates: Certificates) -> None:
    """Refuse a file that would block OpenSSL, is too large, or would fail with a bare number."""
    try:
        found = Path(certificates.path).stat()
    except PermissionError:
        raise _refused_certificates(certificates, "which cannot be read") from None
    except (OSError, ValueError):
        raise _refused_certificates(certificates, "which does not exist") from None
    if not stat.S_ISREG(found.st_mode):
        raise _refused_certificates(certificates, "which is not a file")
    if found.st_size > FILE_BYTES_MAX:
        raise _refused_certificates(certificates, f"which is larger than {FILE_BYTES_MAX:,} bytes")


def _is_folder(name: str) -> bool:
    try:
        return bool(name) and stat.S_ISDIR(Path(name).stat().st_mode)
    except (OSError, ValueError):
        return False


def _has_certificates(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(_HASHED_NAME.match(entry.name) for entry in entries)
    except OSError:
        return False


def _refused_certificates(certificates: Certificates, reason: str) -> ConnectionIncomplete:
    return ConnectionIncomplete(
        f"Give a PEM file with the certificate authorities to trust, because they take the place of the "
        f"usual ones: {certificates.setting.name} names {certificates.path!r}, {reason}. A file in DER "
        f"is turned into PEM by `openssl x509 -inform der -in FILE -out FILE.pem`."
    )
