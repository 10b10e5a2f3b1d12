"""From a path that a user gave to a file system and a path on it, through Airflow's connections.

Knows URLs and connection ids; what lies at a path is the storage's business.
"""

from __future__ import annotations

import ftplib
import logging
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_aimlapi.errors import InvalidSpec, StoreUnavailable
from airflow_provider_aimlapi.hooks.connections import existing_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.engine.job import Place

EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "s3n": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "adl": "azure",
    "az": "azure",
}
"""Which of our extras brings which scheme."""
PROVIDERS = {
    "s3": "apache-airflow-providers-amazon",
    "gcs": "apache-airflow-providers-google",
    "azure": "apache-airflow-providers-microsoft-azure",
}
"""What an extra brings that knows Airflow's connections."""
FILE = "file"
_SAME_AS = {"az": "abfs"}  # of Azure's schemes the one that Airflow's provider does not know
_AZURE_HOST = ".core.windows.net"
_AZURE_REQUESTS = "azure.core.pipeline.policies.http_logging_policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A path taken apart.

    Attributes:
        argument: the operator's argument that it came from.
        scheme: in lower case, such as "s3".
        url: the whole, without a connection id.
        conn_id: the Airflow connection that opens it; None for the environment's own credentials.
    """

    argument: str
    scheme: str
    url: str
    conn_id: str | None


def parse_location(path: object, *, argument: str, storage_conn_id: str | None) -> Location:
    """Take a path apart: a URL, `scheme://connection_id@bucket/key`, or an absolute local path.

    A connection id inside the URL goes before `storage_conn_id`: it says something about this path.

    Raises:
        InvalidSpec: it is neither, or holds a password.
    """
    typed = str(path).strip() if path is not None else ""
    if not typed:
        raise InvalidSpec(f"{argument} is empty. Give a URL such as s3://bucket/folder/.")
    if typed.startswith("/"):
        typed = f"{FILE}://{typed}"
    scheme, separator, rest = typed.partition("://")
    if not separator:
        raise InvalidSpec(
            f"{argument}={typed!r} is neither a URL such as s3://bucket/folder/ "
            f"nor an absolute path such as /data/folder/."
        )
    scheme = _SAME_AS.get(scheme.lower(), scheme.lower())
    authority, slash, key = rest.partition("/")
    conn_id, _, bucket = authority.rpartition("@")
    _check_authority(argument, scheme, conn_id, bucket)
    return Location(
        argument=argument,
        scheme=scheme,
        url=f"{scheme}://{bucket}{slash}{key}",
        conn_id=conn_id or storage_conn_id,
    )


def _check_authority(argument: str, scheme: str, conn_id: str, bucket: str) -> None:
    if ":" in conn_id:
        raise InvalidSpec(
            f"{argument} holds credentials before the @. Put them into an Airflow connection, and "
            f"its id into storage_conn_id."
        )
    if bucket.endswith(_AZURE_HOST):
        raise InvalidSpec(
            f"{argument} names a storage account. Write {scheme}://{conn_id or 'container'}/folder/, "
            f"and put the account into an Airflow connection, and its id into storage_conn_id."
        )
    if scheme == FILE and bucket:
        raise InvalidSpec(
            f"{argument}: a local path is absolute and its URL has three slashes, file:///folder/."
        )
    if scheme != FILE and not bucket:
        raise InvalidSpec(f"{argument}={scheme}://…: there is no bucket or container in it.")


def open_place(location: Location) -> Place:
    """The file system of a location, its credentials inside, and the path on it.

    Not to be called where an event loop runs: some file systems start one of their own.

    Raises:
        InvalidSpec: nothing that is installed knows the scheme, or there is no such host.
        ConnectionIncomplete: the storage connection does not exist.
        StoreUnavailable: the store is one that is connected to here, and does not answer.
    """
    if location.conn_id is not None and location.scheme != FILE:
        existing_connection(location.conn_id, argument=f"for {location.argument}")
    with _connecting(location):
        return _opened(location)


@contextmanager
def _connecting(location: Location) -> Iterator[None]:
    """Name argument and host when a file system, such as ftp's, connects as it is made and fails."""
    try:
        yield
    except (OSError, EOFError, ftplib.Error) as error:
        host = location.url.partition("://")[2].partition("/")[0]
        where = f"{location.argument}: {location.scheme}://{host}"
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
            raise InvalidSpec(f"{where}: there is no host of that name. ({error})") from error
        raise StoreUnavailable(f"{where} did not let us in: {error}") from error


def _opened(location: Location) -> Place:
    from airflow_provider_aimlapi.engine.job import Place

    _leave_out_each_request(location)
    try:
        path = ObjectStoragePath(location.url, conn_id=location.conn_id)
        return Place(fs=path.fs, path=path.path)
    except (ImportError, ValueError) as error:
        if location.conn_id is None and (place := _place_by_fsspec(location)) is not None:
            return place
        is_known = _is_installed(EXTRAS.get(location.scheme))
        told = _refused(location, error) if is_known else _unknown_scheme(location)
        raise InvalidSpec(told) from error
    except Exception as error:
        if _is_about_credentials(error):
            raise InvalidSpec(_refused(location, error)) from error
        raise


def _is_about_credentials(error: Exception) -> bool:
    """As when Google's find none: they are looked for as the file system is made."""
    from airflow_provider_aimlapi.storage.store_errors import meaning_of

    return not isinstance(error, OSError) and meaning_of(error) == "forbidden"


def _leave_out_each_request(location: Location) -> None:
    """Azure's SDK tells 20 lines of each request to a log of level INFO, which Airflow's are.

    Whoever has set that logger's level keeps it.
    """
    log = logging.getLogger(_AZURE_REQUESTS)
    if EXTRAS.get(location.scheme) == "azure" and log.level == logging.NOTSET:
        log.setLevel(logging.WARNING)


def _place_by_fsspec(location: Location) -> Place | None:
    """For schemes that no Airflow provider knows: fsspec's own, with the environment's credentials."""
    from upath import UPath

    from airflow_provider_aimlapi.engine.job import Place

    try:
        path = UPath(location.url)
        return Place(fs=path.fs, path=path.path)
    except (ImportError, ValueError) as error:
        if location.scheme in EXTRAS and not isinstance(error, ImportError):
            raise InvalidSpec(_refused(location, error)) from error
        return None


def _is_installed(extra: str | None) -> bool:
    if extra is None:
        return False
    try:
        return bool(version(PROVIDERS[extra]))
    except PackageNotFoundError:
        return False


def _refused(location: Location, error: Exception) -> str:
    """What to do when a file system is there, and does not want what it was given."""
    if location.conn_id is None:
        with_what = "the environment's own credentials"
        advice = "Name an Airflow connection in storage_conn_id, or set the store's variables"
    else:
        with_what, advice = f"connection '{location.conn_id}'", "Check that connection"
    return (
        f"{location.argument}: {location.scheme}:// could not be opened with {with_what}: {error}. "
        f"{advice}."
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
        f"{location.argument}: nothing that is installed opens {location.scheme}://{connection}. "
        f"Known are file://, and s3://, gs:// and abfs:// with the extras s3, gcs and azure."
    )
