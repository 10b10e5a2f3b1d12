"""Opens the file system of a URL, with the environment's own credentials.

It serves the command line, and schemes that none of Airflow's providers has. All other paths of an
operator are opened through Airflow's connections.
"""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec.core

from airflow_provider_aimlapi.core.texts.typed_path import (
    VARIABLE,
    parse_allowed_schemes,
    parse_typed_path,
)
from airflow_provider_aimlapi.errors import InvalidSpec, StoreUnavailable
from airflow_provider_aimlapi.storage.access.connection_options import options_of
from airflow_provider_aimlapi.storage.access.file_systems import kind_of
from airflow_provider_aimlapi.storage.access.store_errors import meaning_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsspec import AbstractFileSystem

    from airflow_provider_aimlapi.core.texts.typed_path import TypedPath
    from airflow_provider_aimlapi.storage.access.connection_options import StorageConnection

_AZURE = frozenset({"abfs", "abfss", "az"})
_AZURE_CONTAINER = re.compile(
    r"[a-z0-9$-]+(@[a-z0-9]{3,24}\.(dfs|blob)\.core\.windows\.net)?", re.IGNORECASE
)
# Two characters at least, because `C:` is a drive of Windows.
_HAS_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]+:")


def open_file_system(
    typed: str, connection: StorageConnection | None = None
) -> tuple[AbstractFileSystem, str]:
    """Open the file system of a URL or of a local path, which may be relative, for a command.

    Args:
        connection: its credentials; None for the environment's own.

    Returns:
        The file system, and the path on it.

    Raises:
        InvalidSpec: the path names a connection, or no allowed and installed file system opens it.
        StoreUnavailable: the store is contacted here, and does not answer.
    """
    allowed = parse_allowed_schemes(os.environ.get(VARIABLE, ""))
    if typed and not _HAS_SCHEME.match(typed):
        typed = str(Path(typed).absolute())
    path = parse_typed_path(typed, what="output", allowed=allowed)
    _check_authority(path)
    options = {} if connection is None else options_of(connection, path.scheme)
    try:
        return open_url(path.url, options)
    except Exception as error:  # noqa: BLE001  # each file system has errors of its own
        kind = StoreUnavailable if meaning_of(error) == "passing" else InvalidSpec
        cause = origin_of(error)
    whose = "the environment's own credentials" if connection is None else connection.name
    # Raised outside of the handler, because the text of the foreign error may quote a secret.
    raise kind(
        f"output: {path.scheme}:// cannot be opened with {whose} ({cause}). "
        f"Check that its package is installed and its variables are set."
    )


def origin_of(error: BaseException) -> str:
    """Return an error's class and the module that raised it.

    It replaces the error's text, which may quote a password or a connection's extra.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    module = frames[-1].f_globals.get("__name__") if frames else None
    return type(error).__name__ + (f" in {module}" if module else "")


def open_url(url: str, options: Mapping[str, Any] | None = None) -> tuple[AbstractFileSystem, str]:
    """Open the file system of a URL. Return it with the path on it.

    Args:
        url: from `parse_typed_path`. fsspec could open anything with another URL.
        options: those of the file system; None for the environment's own credentials.
    """
    fs, path = fsspec.core.url_to_fs(url, **(options or {}))
    check_connection(fs)
    return fs, path


def check_connection(fs: AbstractFileSystem) -> None:
    """Make a file system check its settings now, when an error is known to be about them.

    s3fs would leave that to the first request, and botocore's error quotes what it does not accept.
    """
    if kind_of(fs) == "s3":
        fs.connect()


def lacks_credentials(fs: AbstractFileSystem) -> bool:
    """Return whether an S3 is opened anonymously only because no credentials were found.

    Each request would then be refused, or be repeated for minutes where the network drops it.
    """
    if kind_of(fs) != "s3" or not getattr(fs, "anon", False):
        return False
    return "signature_version" not in fs.config_kwargs  # set for public buckets, and by a signer


def _check_authority(path: TypedPath) -> None:
    """Refuse an @ except before an Azure account, because commands have no connections."""
    if path.scheme in _AZURE:
        if not _AZURE_CONTAINER.fullmatch(path.authority):
            raise InvalidSpec(
                "output: write abfs://container/folder or "
                "abfs://container@account.dfs.core.windows.net/folder."
            )
    elif "@" in path.authority:
        raise InvalidSpec(
            f"{path.scheme}://…@… names an Airflow connection, which this command cannot read. Remove "
            f"it, and put the credentials into the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, …), or name "
            f"a variable that holds the connection with --conn-env."
        )
