"""Which earlier runs a run takes answers from: chosen once, so that each attempt uses the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from airflow_provider_aimlapi.core.durable.bounds import RunKey
from airflow_provider_aimlapi.core.durable.object_sizes import SMALL_BYTES_MAX
from airflow_provider_aimlapi.core.durable.stored_json import decode_stored
from airflow_provider_aimlapi.storage.stores.object_store import create_settled

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

RUNS_MAX = 2
"""The newest change of an output names two runs at most."""
_FIX = "Remove it. A retry of the task chooses the runs again."


class ReusePin(msgspec.Struct, frozen=True, kw_only=True):
    """The chosen runs at one output.

    Attributes:
        output: the URI of the output, for people.
        run_keys: the keys of the runs, the newest first.
    """

    output: str
    run_keys: Annotated[tuple[RunKey, ...], msgspec.Meta(max_length=RUNS_MAX)]


def read_pin(store: ObjectStore, names: RunNames, output_uri: str) -> ReusePin | None:
    """Return the choice for an output; None if there is none.

    Args:
        store: the store of the run that takes answers.
        names: the names of that run's objects.

    Raises:
        JournalUnreadable: it is not a choice. StorageError: as the store raises it.
    """
    name = names.reuse_pin(output_uri)
    data = store.read(name, bytes_max=SMALL_BYTES_MAX)
    if data is None:
        return None
    return decode_stored(data, ReusePin, what=store.uri(name), bytes_max=SMALL_BYTES_MAX, fix=_FIX)


def store_pin(store: ObjectStore, names: RunNames, chosen: ReusePin) -> ReusePin:
    """Store a choice, and return the one that counts: another attempt may have been faster.

    Raises:
        JournalUnreadable, StorageError: as `read_pin`.
    """
    if create_settled(store, names.reuse_pin(chosen.output), msgspec.json.encode(chosen)):
        return chosen
    return read_pin(store, names, chosen.output) or chosen
