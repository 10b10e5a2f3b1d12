"""Turns a path that a user typed into a file system and a path on it, through Airflow's connections.

It knows URLs and connection ids. It does not read what is stored at a path.
"""

from __future__ import annotations

import ftplib
import logging
import re
import socket
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import conf
from airflow.sdk.io import attach

from airflow_provider_aimlapi.core.texts.typed_path import (
    FILE,
    OPTION,
    SECTION,
    WILDCARDS,
    parse_allowed_schemes,
    parse_typed_path,
)
from airflow_provider_aimlapi.errors import (
    AimlapiError,
    ConnectionIncomplete,
    InvalidSpec,
    StoreUnavailable,
)
from airflow_provider_aimlapi.hooks.connections import existing_connection

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.engine.job import OpenLocation

OUTPUTS = ("output_path", "reuse_from")
EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
}
"""The extra of this provider that installs each scheme."""
PROVIDERS = {
    "s3": "apache-airflow-providers-amazon",
    "gcs": "apache-airflow-providers-google",
    "azure": "apache-airflow-providers-microsoft-azure",
}
"""The package of each extra that understands Airflow's connections."""
_VARIABLES = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gcs": "GOOGLE_APPLICATION_CREDENTIALS",
    "azure": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
"""The variables that hold the environment's own credentials."""
_PUBLIC = (
    'A public bucket needs a connection of type aws with {"config_kwargs": {"signature_version": '
    '"unsigned"}} in its extra.'
)
_SAME_AS = {"az": "abfs", "s3n": "s3"}
"""Spellings that Airflow's provider or the file system does not know, and what they mean."""
_CONNECTION_ID = re.compile(r"[\w#!().-]{1,250}")
_FINAL = (ValueError, TypeError, LookupError, AttributeError)
"""Errors of a hook or a file system about fields that it cannot use: a retry would meet them again.

Errors of botocore that are not about the network count as well.
"""
_AZURE_REQUESTS = "azure.core.pipeline.policies.http_logging_policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A path in its parts.

    Attributes:
        argument: the operator's argument that contained it.
        scheme: in lower case, such as "s3".
        url: the whole URL, without a connection id.
        conn_id: the Airflow connection that opens it; None for the environment's own credentials.
    """

    argument: str
    scheme: str
    url: str
    conn_id: str | None


def parse_location(path: object, *, argument: str, storage_conn_id: str | None) -> Location:
    """Split a path: a URL, `scheme://connection_id@bucket/key`, or an absolute local path.

    A connection id inside the URL goes before `storage_conn_id`, because it is about this path alone.

    Raises:
        InvalidSpec: the path is neither, holds a password, or has a scheme that is not allowed.
    """
    more = conf.get(SECTION, OPTION, fallback="") or ""
    typed = parse_typed_path(
        str(path).strip() if path is not None else "",
        what=argument,
        allowed=parse_allowed_schemes(more),
    )
    # An output is not searched for, so a wildcard would become part of a folder's name.
    if argument in OUTPUTS and not WILDCARDS.isdisjoint(typed.key):
        raise InvalidSpec(
            f"{argument} contains one of * ? [. Name a folder without these characters."
        )
    conn_id, _, bucket = typed.authority.rpartition("@")
    _check_authority(argument, typed.scheme, conn_id, bucket)
    scheme = _SAME_AS.get(typed.scheme, typed.scheme)
    return Location(
        argument=argument,
        scheme=scheme,
        url=f"{scheme}://{bucket}{typed.key}",
        conn_id=conn_id or storage_conn_id,
    )


def _check_authority(argument: str, scheme: str, conn_id: str, bucket: str) -> None:
    # No text quotes the part before the @, because it may hold a password or a key.
    if ":" in conn_id:
        raise InvalidSpec(
            f"{argument} holds credentials before the @. Put them into an Airflow connection, and "
            f"set storage_conn_id to its id."
        )
    if conn_id and not _CONNECTION_ID.fullmatch(conn_id):
        raise InvalidSpec(
            f"{argument}: the text before the @ is no id of an Airflow connection. Correct it, or set "
            f"storage_conn_id."
        )
    if EXTRAS.get(scheme) == "azure" and "." in bucket:
        raise InvalidSpec(
            f"{argument} names a storage account. Write {scheme}://{conn_id or 'container'}/folder/, "
            f"put the account into an Airflow connection, and set storage_conn_id to its id."
        )


def open_location(location: Location) -> OpenLocation:
    """Return a location's file system, opened with its credentials, and the path on it.

    Do not call it where an event loop runs, because some file systems start one of their own.

    Raises:
        InvalidSpec: no installed package opens the scheme, or the file system does not accept the
            credentials or the path.
        ConnectionIncomplete: the storage connection does not exist.
        StoreUnavailable: the file system connects when it is opened, and its store does not answer.
    """
    conn_id = None if location.scheme == FILE else location.conn_id
    if conn_id is not None:
        _check_connection(conn_id, location.argument)
    _quiet_azure(location)
    try:
        return _open_file_system(location, conn_id)
    except Exception as error:  # noqa: BLE001  # hooks and file systems have errors of their own
        refusal = _explain_refusal(location, error)
    raise refusal  # outside of the except: Airflow prints what an error was raised from


def _check_connection(conn_id: str, argument: str) -> None:
    # The error is raised after the `try`, because Airflow prints the causes of an error, and a foreign
    # one quotes the field that does not parse.
    problem: AimlapiError
    try:
        existing_connection(conn_id, argument=f"for {argument}")
    except ConnectionIncomplete as error:
        problem = error
    except Exception as error:  # noqa: BLE001  # a field that does not parse is quoted by its error
        from airflow_provider_aimlapi.storage.access.opening import origin_of

        kind = ConnectionIncomplete if isinstance(error, _FINAL) else StoreUnavailable
        problem = kind(
            f"Connection '{conn_id}' (for {argument}) cannot be read ({origin_of(error)}). Check its "
            f"fields in Airflow under Admin, Connections."
        )
    else:
        return
    raise problem


def _open_file_system(location: Location, conn_id: str | None) -> OpenLocation:
    """Return the file system from Airflow's provider, or from fsspec if there is no provider."""
    from airflow_provider_aimlapi.engine.job import OpenLocation
    from airflow_provider_aimlapi.storage.access.opening import (
        check_connection,
        lacks_credentials,
        open_url,
    )

    try:
        fs = attach(location.scheme, conn_id).fs
        check_connection(fs)
        if lacks_credentials(fs):
            raise InvalidSpec(_without_credentials(location, conn_id))
    except (ImportError, ValueError):
        if conn_id is not None:
            raise
        fs, _ = open_url(location.url)
    return OpenLocation(fs=fs, path=_path_on(location, fs))


def _path_on(location: Location, fs: AbstractFileSystem) -> str:
    """Return the path for the file system, which must be the typed one.

    Raises:
        InvalidSpec: the file system reads a part of the path as something else.
    """
    from airflow_provider_aimlapi.storage.access.file_systems import kind_of, path_in

    path = path_in(fs, location.url)
    typed = location.url.partition("://")[2]
    # A file system that cuts the path at a '?' or '#' would read or write another folder.
    if kind_of(fs) != "other" and path.lstrip("/") != typed.strip("/"):
        raise InvalidSpec(
            f"{location.argument}: {location.scheme}:// does not read a part of this path as a "
            f"name, such as a '?' or '#'. Rename the folder."
        )
    return path


def _explain_refusal(location: Location, error: Exception) -> AimlapiError:
    """Return the error to raise for a foreign one, whose text may quote secrets."""
    from airflow_provider_aimlapi.storage.access.opening import origin_of
    from airflow_provider_aimlapi.storage.access.store_errors import meaning_of

    # 1. An error of this provider is complete already.
    # 2. A missing package is named before anything else: without it the other texts mislead.
    # 3. The network: a host that does not exist is a wrong path, any other failure may pass.
    # 4. Everything else is about credentials or fields, and final if its kind shows that.
    if isinstance(error, AimlapiError):
        return error
    if _is_about_packages(location, error):
        return InvalidSpec(_unknown_scheme(location))
    origin = origin_of(error)
    if isinstance(error, OSError | EOFError | ftplib.Error):
        host = location.url.partition("://")[2].partition("/")[0]
        where = f"{location.argument}: {location.scheme}://{host}"
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
            return InvalidSpec(f"{where}: there is no host of that name. Correct the path.")
        return StoreUnavailable(f"{where} refused the connection or did not answer ({origin}).")
    meaning = meaning_of(error)
    is_botocores = meaning == "unknown" and type(error).__module__ == "botocore.exceptions"
    is_final = isinstance(error, _FINAL) or meaning == "forbidden" or is_botocores
    kind = InvalidSpec if is_final else StoreUnavailable
    return kind(_refusal_text(location, origin))


def _is_about_packages(location: Location, error: Exception) -> bool:
    """Return whether a package is missing: for the scheme, or for its Airflow connections."""
    if isinstance(error, ImportError):
        return True
    extra = EXTRAS.get(location.scheme)
    is_for_airflow = location.conn_id is not None and not _is_installed(extra)
    return isinstance(error, ValueError) and (extra is None or is_for_airflow)


def _quiet_azure(location: Location) -> None:
    """Keep Azure's SDK from logging 20 lines for each request at INFO, which is Airflow's level.

    A level that the user has set for that logger stays.
    """
    log = logging.getLogger(_AZURE_REQUESTS)
    if EXTRAS.get(location.scheme) == "azure" and log.level == logging.NOTSET:
        log.setLevel(logging.WARNING)


def _is_installed(extra: str | None) -> bool:
    if extra is None:
        return False
    try:
        return bool(version(PROVIDERS[extra]))
    except PackageNotFoundError:
        return False


def _refusal_text(location: Location, origin: str) -> str:
    """Return the text for a file system that does not accept its credentials, with what to do."""
    if location.conn_id is None:
        with_what = "the environment's own credentials"
        variables = _VARIABLES.get(EXTRAS.get(location.scheme, ""), "the store's variables")
        advice = f"Name an Airflow connection in storage_conn_id, or set {variables}"
    else:
        with_what, advice = f"connection '{location.conn_id}'", "Check that connection"
    return (
        f"{location.argument}: {location.scheme}:// could not be opened with {with_what} ({origin}). "
        f"{advice}."
    )


def _without_credentials(location: Location, conn_id: str | None) -> str:
    """Return the text for an S3 without any credentials, which Airflow's provider opens anonymously."""
    if conn_id is None:
        return (
            f"{location.argument}: set storage_conn_id to an Airflow connection for s3://, because "
            f"this worker has no credentials of its own. Or set {_VARIABLES['s3']}. {_PUBLIC}"
        )
    return (
        f"{location.argument}: put credentials into connection '{conn_id}'. It has none, and this "
        f"worker has none of its own. {_PUBLIC}"
    )


def _unknown_scheme(location: Location) -> str:
    extra = EXTRAS.get(location.scheme)
    if extra is not None:
        return (
            f"{location.argument}: {location.scheme}:// needs a package that is not installed. "
            f"Run: pip install 'airflow-provider-aimlapi[{extra}]'"
        )
    connection = f" with connection '{location.conn_id}'" if location.conn_id else ""
    return (
        f"{location.argument}: no installed package opens {location.scheme}://{connection}. Use "
        f"file://, or s3://, gs:// or abfs:// with the extra s3, gcs or azure."
    )
