"""Turns the fields of an Airflow storage connection into a file system's options, for commands.

In a task, Airflow's providers do this. A command runs without Airflow, so it knows the usual fields
only. A field that it does not know is refused, because without it another account might be opened.
No error quotes a value, which may be a password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_aimlapi.errors import ConnectionIncomplete

if TYPE_CHECKING:
    from collections.abc import Mapping

_S3 = frozenset({"s3", "s3a"})
_GCS = frozenset({"gs", "gcs"})
_AZURE = frozenset({"abfs", "abfss", "az"})
SCHEMES_OF = {
    "aws": _S3,
    "google_cloud_platform": _GCS,
    "wasb": _AZURE,
    "adls": _AZURE,
    "azure_data_lake": _AZURE,
}
"""The schemes that a connection of each type opens."""
_GCP_PREFIX = "extra__google_cloud_platform__"
_NAME_CHARACTERS_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConnection:
    """The fields of an Airflow connection to a store. The repr leaves out what may be secret.

    Attributes:
        name: the variable that holds it, for errors.
        conn_type: such as "aws".
    """

    name: str
    conn_type: str
    login: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    host: str | None = field(default=None, repr=False)
    extra: Mapping[str, object] = field(default_factory=dict, repr=False)


def options_of(connection: StorageConnection, scheme: str) -> dict[str, Any]:
    """Return the options with which fsspec opens the store.

    Raises:
        ConnectionIncomplete: the connection is of another type, or has a field that is not known here.
    """
    schemes = SCHEMES_OF.get(connection.conn_type)
    if schemes is None or scheme not in schemes:
        wanted = " or ".join(sorted(t for t, opened in SCHEMES_OF.items() if scheme in opened))
        need = f"Name a connection of type {wanted}" if wanted else "Leave --conn-env out"
        raise ConnectionIncomplete(
            f"--conn-env: the connection in {connection.name} does not open {scheme}://. {need}."
        )
    # Airflow's form stores an empty text for a field that was left empty.
    extra = {
        name.removeprefix(_GCP_PREFIX): value
        for name, value in connection.extra.items()
        if value not in (None, "")
    }
    make = {_S3: _s3_options, _GCS: _gcs_options, _AZURE: _azure_options}[schemes]
    # Each function takes the fields that it knows out of `extra`. What is left is not known.
    options = make(connection, extra)
    if extra:
        name = min(extra)[:_NAME_CHARACTERS_MAX]
        raise ConnectionIncomplete(
            f"--conn-env: the connection in {connection.name} has the extra {name!r}, which this "
            f"command does not know. Remove it, or use the environment's own credentials."
        )
    return {name: value for name, value in options.items() if value is not None}


def _s3_options(connection: StorageConnection, extra: dict[str, object]) -> dict[str, Any]:
    services = extra.pop("service_config", None)
    s3 = services.get("s3") if isinstance(services, dict) else None
    own_endpoint = s3.get("endpoint_url") if isinstance(s3, dict) else None
    endpoint = extra.pop("endpoint_url", None)
    region = extra.pop("region_name", None)
    return {
        "key": connection.login or extra.pop("aws_access_key_id", None),
        "secret": connection.password or extra.pop("aws_secret_access_key", None),
        "token": extra.pop("aws_session_token", None),
        "profile": extra.pop("profile_name", None),
        "endpoint_url": own_endpoint or endpoint,
        "client_kwargs": {"region_name": region} if region else None,
    }


def _gcs_options(_connection: StorageConnection, extra: dict[str, object]) -> dict[str, Any]:
    for unused in ("scope", "num_retries"):  # they do not decide which account is opened
        extra.pop(unused, None)
    key_file = extra.pop("keyfile_dict", None)
    if isinstance(key_file, str):  # Airflow's form stores JSON in JSON
        key_file = _decode_key_file(key_file)
    return {
        "token": key_file or extra.pop("key_path", None),
        "project": extra.pop("project", None),
    }


def _decode_key_file(text: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.MsgspecError:
        pass
    # Raised outside of the handler, so that no traceback shows what was decoded.
    raise ConnectionIncomplete("--conn-env: the extra 'keyfile_dict' is not a JSON object.")


def _azure_options(connection: StorageConnection, extra: dict[str, object]) -> dict[str, Any]:
    connection_string = extra.pop("connection_string", None)
    tenant = extra.pop("tenant_id", None)
    # The host is the account, as its name or as https://name.blob.core.windows.net.
    account = (connection.host or "").partition("://")[2] or connection.host or ""
    account = account.partition("/")[0].partition(".")[0]
    # 1. A connection string names the account and its key.
    # 2. With a tenant, login and password are those of a service principal.
    # 3. Otherwise a key or a SAS token opens the account.
    if connection_string:
        return {"connection_string": connection_string}
    if tenant:
        return {
            "account_name": account,
            "tenant_id": tenant,
            "client_id": connection.login,
            "client_secret": connection.password,
        }
    sas_token = extra.pop("sas_token", None)
    return {
        "account_name": account or connection.login,
        "account_key": extra.pop("account_key", None) or connection.password,
        "sas_token": sas_token,
    }
