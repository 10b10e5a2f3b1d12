"""Turns paths as users write them into OpenLineage's names of data sets. Opens nothing.

A name never contains a connection id, a credential or the provider's own folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.keys import RECORDS_FOLDER

if TYPE_CHECKING:
    from airflow_provider_aimlapi.operators.locations import Location

NAMESPACES = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
"""Schemes that mean the same store as another scheme."""
AZURE = frozenset({"abfs", "abfss"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSetName:
    """A data set, as catalogues know it."""

    namespace: str
    name: str


def data_set_name(location: Location, *, account: str | None) -> DataSetName | None:
    """Return the name of a location's folder, or of the folder in which a glob begins.

    Args:
        account: the storage account, which an Azure path does not contain.

    Returns:
        None for records that a function returned, because no catalogue knows them, and for an Azure
        path whose account is not known.
    """
    from airflow_provider_aimlapi.storage.input.globs import split_glob

    # 1. Records are an internal file. 2. A local path has no authority. 3. Azure's names contain the
    #    account. 4. All other stores are named by scheme and bucket.
    authority, _, path = location.url.partition("://")[2].partition("/")
    name = split_glob(path)[0].strip("/")
    if f"/{RECORDS_FOLDER}/" in f"/{path}":
        return None
    if location.scheme == "file":
        return DataSetName(namespace="file", name=f"/{name}")
    scheme = NAMESPACES.get(location.scheme, location.scheme)
    if scheme in AZURE:
        if account is None:
            return None
        scheme, authority = "abfss", f"{authority}@{account}.dfs.core.windows.net"
    return DataSetName(namespace=f"{scheme}://{authority}", name=name or "/")
