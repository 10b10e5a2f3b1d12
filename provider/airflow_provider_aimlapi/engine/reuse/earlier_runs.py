"""Choose the published runs whose answers a run may take, and read them part by part. Blocking.

Anyone who can write to those outputs chooses what is read here. So each object is read within the
limits of its kind, and a part counts only if it is what the manifest states. Nothing that cannot be
read is an error of this run: it is logged, and the rows are sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_aimlapi.core.durable.ingredients import decode_plan_ingredients
from airflow_provider_aimlapi.core.durable.keys import RunNames
from airflow_provider_aimlapi.core.durable.object_sizes import PART_BYTES_MAX, PLAN_BYTES_MAX
from airflow_provider_aimlapi.core.durable.plan import decode_plan
from airflow_provider_aimlapi.core.reuse.comparison import (
    first_difference,
    has_same_template,
    why_unusable,
)
from airflow_provider_aimlapi.engine.runtime.patient_store import patient_store
from airflow_provider_aimlapi.errors import JournalUnreadable
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.output.changes import newest_change
from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
from airflow_provider_aimlapi.storage.parts.part_reader import part_outcomes, read_staged_part
from airflow_provider_aimlapi.storage.runs.reuse_pins import ReusePin, read_pin, store_pin
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.calls.completion import Outcome
    from airflow_provider_aimlapi.core.durable.manifest import PartEntry
    from airflow_provider_aimlapi.core.durable.plan import Shard
    from airflow_provider_aimlapi.engine.job import OpenLocation
    from airflow_provider_aimlapi.engine.prepared import Prepared
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.stores.checked_store import Check
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

log = logger(__name__)

LOGGED_MAX = 3
"""The unreadable parts of a run that are logged one by one. The others are only counted."""


class Difference(NamedTuple):
    """The first argument in which an earlier run differs from this one."""

    run_key: str
    argument: str


@dataclass(slots=True, kw_only=True, eq=False)
class EarlierRun:
    """A published run whose answers may be taken.

    Attributes:
        store: rooted at its output path.
        run_key: its key.
        shards, entries: its parts, in order.
        outcome_columns: the columns that it added to its input.
        has_same_template: whether an equal row makes an equal request.
        difference: what differs; see `first_difference`.
        unreadable: how many parts could not be read so far.
    """

    store: ObjectStore
    run_key: str
    shards: tuple[Shard, ...]
    entries: tuple[PartEntry, ...]
    outcome_columns: OutcomeColumns
    has_same_template: bool
    difference: Difference
    unreadable: int = 0

    def read_answers(self, part: int) -> list[Outcome]:
        """Return the answers of a part that may be taken; none if the part cannot be read.

        Raises:
            StoreUnavailable, StoreUnsafe: the store does not answer, or refuses. The rows would be
                paid for again, so the attempt ends instead.
        """
        entry = self.entries[part]
        if not entry.tally.ok:
            return []
        # The manifest names the part, so a visible file of the same name is never read instead.
        name, size_bytes = entry.staged_name, min(entry.size_bytes, PART_BYTES_MAX)
        try:
            data = self.store.read(name, bytes_max=size_bytes)
            outcomes = None if data is None else self._outcomes_in(part, data)
        except JournalUnreadable:  # its text is about a part of this run, and how to remove it
            outcomes = None
        if outcomes is None:
            self.unreadable += 1
            if self.unreadable <= LOGGED_MAX:
                log.warning(
                    "Rows that run %s has answered are sent again, because %s was removed or damaged.",
                    self.run_key,
                    self.store.uri(name),
                )
            return []
        return [one for one in outcomes if one.status == "ok" and one.request_hash is not None]

    def _outcomes_in(self, part: int, data: bytes) -> list[Outcome] | None:
        """Return the outcomes in a part's bytes; None if the manifest names other bytes."""
        entry, columns = self.entries[part], self.outcome_columns
        staged = read_staged_part(
            data,
            run_key=self.run_key,
            shard=self.shards[part],
            staged_name=entry.staged_name,
            outcome_columns=columns,
        )
        if staged.entry != entry:
            return None
        return part_outcomes(data, entry, outcome_columns=columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRuns:
    """The earlier runs of a run.

    Attributes:
        usable: those whose answers may be taken, in the order in which they are searched.
        first: what differs in the first run that was found, usable or not; None if none was found.
    """

    usable: tuple[EarlierRun, ...] = ()
    first: Difference | None = None


def find_earlier_runs(
    prepared: Prepared,
    open_store: Callable[[OpenLocation], ObjectStore],
    clock: Clock,
    check: Check,
    *,
    is_read_only: bool = False,
) -> FoundRuns:
    """Return the runs whose answers may be taken. The first attempt's choice holds for all attempts.

    Args:
        check: called before each request; raises when the scan should end.
        is_read_only: whether a choice is not stored, as for an estimate.

    Raises:
        JournalUnreadable: the stored choice cannot be read.
        StoreUnavailable, StoreUnsafe: an output cannot be read.
    """
    others = prepared.job.reuse_from
    if others is None:
        return FoundRuns()
    own = patient_store(prepared.store, clock, check)
    stores = {own.uri(""): own}
    for location in others:
        store = patient_store(open_store(location), clock, check)
        stores.setdefault(store.uri(""), store)
    usable: list[EarlierRun] = []
    first: Difference | None = None
    for store in stores.values():
        for run_key in _chosen_run_keys(prepared, own, store, is_read_only=is_read_only):
            found = _open_run(store, run_key, prepared)
            if isinstance(found, EarlierRun):
                usable.append(found)
                found = found.difference
            first = first or found
    if usable:
        log.info("Answers are taken from %s.", ", ".join(f"run {run.run_key}" for run in usable))
    return FoundRuns(usable=tuple(usable), first=first)


def _chosen_run_keys(
    prepared: Prepared, own: ObjectStore, store: ObjectStore, *, is_read_only: bool
) -> tuple[str, ...]:
    """Return the runs at an output that were chosen before, or those that may be visible there now."""
    uri, names = store.uri(""), prepared.names
    chosen = read_pin(own, names, uri)
    if chosen is not None:
        return chosen.run_keys
    # The newest change names the run that is shown, even while it is being shown, and the one before.
    # At the own output, this run itself is not published yet.
    found = newest_change(store).run_keys
    keys = tuple(key for key in found if not (store is own and key == names.run_key))
    if not keys:
        if store is not own:  # the first run at an output has no earlier one, and nothing to report
            log.info("%s holds no published run, so no answers are taken from it.", uri)
        return ()
    if is_read_only:
        return keys
    # Created only if absent. If another attempt was faster, its choice is returned.
    return store_pin(own, names, ReusePin(output=uri, run_keys=keys)).run_keys


def _open_run(
    store: ObjectStore, run_key: str, prepared: Prepared
) -> EarlierRun | Difference | None:
    """Return a run; what makes it unusable; or None, after a log line, if it cannot be read."""
    try:
        return _read_run(store, run_key, prepared)
    except JournalUnreadable as error:
        log.warning("No answers are taken from run %s. %s", run_key, error)
        return None


def _read_run(store: ObjectStore, run_key: str, prepared: Prepared) -> EarlierRun | Difference:
    """Return a run, or what makes it unusable.

    Raises:
        JournalUnreadable: it was removed, is not a published run, or its answers were not made with
            its instructions.
    """
    names, now = RunNames(run_key=run_key), prepared.ingredients
    data = store.read(names.plan_name, bytes_max=PLAN_BYTES_MAX)
    if data is None:
        raise JournalUnreadable(f"{store.uri(names.plan_name)} does not exist.")
    plan = decode_plan(data, run_key=run_key)
    earlier = decode_plan_ingredients(data, run_key=run_key)
    del data  # up to 128 MB
    if (argument := why_unusable(earlier, now)) is not None:
        return Difference(run_key, argument)
    manifest = read_manifest(store, names, plan)
    if manifest is None:
        raise JournalUnreadable(f"{store.uri(names.manifest_name)} does not exist.")
    # Its existence is all that counts, so one byte is enough.
    if store.read_end(names.instructions_dropped, bytes_max=1) is not None:
        raise JournalUnreadable("Its answers were made without its instructions.")
    # The schemas are equal, so the answers of both runs have the same type. The columns of the part
    # are compared with these names and types before it is read.
    name = earlier.values.get("output_column")
    columns = OutcomeColumns(name if isinstance(name, str) else None, prepared.outcome_columns.kind)
    return EarlierRun(
        store=store,
        run_key=run_key,
        shards=plan.shards,
        entries=manifest.parts,
        outcome_columns=columns,
        has_same_template=has_same_template(earlier, now),
        difference=Difference(run_key, first_difference(earlier, now)),
    )
