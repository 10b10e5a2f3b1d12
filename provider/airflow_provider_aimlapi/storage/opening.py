"""From a URL that a person typed to a file system, with the environment's own credentials.

For the command line. What an operator is given goes through Airflow's connections instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec.core

from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


def open_file_system(url: str) -> tuple[AbstractFileSystem, str]:
    """The file system of a URL or of a local path, and the path on it.

    Raises:
        InvalidSpec: it names a connection, or a scheme that nothing installed opens.
    """
    scheme, separator, rest = url.partition("://")
    if separator and "@" in rest.partition("/")[0] and scheme not in ("abfs", "abfss", "az"):
        raise InvalidSpec(
            f"{scheme}://…@… names an Airflow connection, which this command does not know. Leave it "
            f"out, and put the credentials into the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, …)."
        )
    try:
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        raise InvalidSpec(f"{url} cannot be opened: {error}") from error
