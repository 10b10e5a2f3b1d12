"""Reads the progress object beside an output, through the connections of the DAG's team."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.object_sizes import PROGRESS_BYTES_MAX
from airflow_provider_aimlapi.core.texts.typed_path import FILE
from airflow_provider_aimlapi.errors import ConnectionIncomplete
from airflow_provider_aimlapi.operators.locations import open_location, parse_location
from airflow_provider_aimlapi.plugins.progress_unreadable import TeamNeedsConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.engine.job import OpenLocation
    from airflow_provider_aimlapi.operators.locations import Location
    from airflow_provider_aimlapi.plugins.progress_source import ProgressSource


def read_progress(source: ProgressSource) -> bytes | None:
    """Return the object's bytes; None if there is no such object. No other object is read.

    Raises:
        AimlapiError: the path is refused, or the store cannot be opened or read.
        ProgressUnreadable: see `TeamNeedsConnection`.
    """
    from airflow_provider_aimlapi.storage.stores.fsspec_store import FsspecStore

    location = parse_location(
        source.output_path, argument="output_path", storage_conn_id=source.storage_conn_id
    )
    output = open_location(location) if source.team is None else _open_for(source.team, location)
    names = RunNames(run_key=source.run_key, share=source.share)
    store = FsspecStore(output.fs, output.path)
    return store.read(names.progress_name, bytes_max=PROGRESS_BYTES_MAX)


def _open_for(team: str, location: Location) -> OpenLocation:
    """Return a location, opened with a connection of the team, or with one that all teams share.

    The server's own credentials and disk belong to no team.
    """
    if location.conn_id is None or location.scheme == FILE:
        raise TeamNeedsConnection
    with _connection_of(team, location.conn_id) as conn_id:
        return open_location(replace(location, conn_id=conn_id))


@contextmanager
def _connection_of(team: str, conn_id: str) -> Iterator[str]:
    """Give this thread a team's connection under a unique id, which is yielded.

    Airflow caches opened file systems by connection id for the whole process. The id contains team and
    content, so a team never gets a file system of another team, or one from before a change.
    """
    from airflow.models.connection import Connection as StoredConnection
    from airflow.sdk import Connection
    from airflow.sdk.execution_time.context import _preset_connections

    # Airflow's file systems ask its SDK for a connection by id, and the SDK looks at its preset ones first.
    try:
        stored = StoredConnection.get_connection_from_secrets(conn_id, team_name=team)
    except AirflowNotFoundException:
        raise ConnectionIncomplete(
            f"Team '{team}' has no connection '{conn_id}'. Add it in Airflow for that team or for "
            f"all teams, or set storage_conn_id to another one."
        ) from None
    content = stored.as_json()
    name = f"{conn_id} of team {team} {hash(content):x}"
    before = _preset_connections.set({name: Connection.from_json(content, conn_id=name)})
    try:
        yield name
    finally:
        _preset_connections.reset(before)
