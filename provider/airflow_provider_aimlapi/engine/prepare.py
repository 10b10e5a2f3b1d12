"""Read and plan: everything that can be refused before money is spent is refused here.

Blocking; the run hands it to a thread.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.api.messages.wire import RequestEncoder
from airflow_provider_aimlapi.core.calls.dialect import assumption, model_of
from airflow_provider_aimlapi.core.calls.template import near_misses, parse_template
from airflow_provider_aimlapi.core.durable.keys import RunNames, run_key_of
from airflow_provider_aimlapi.core.durable.plan import (
    WORKERS_MAX,
    Plan,
    check_split,
    encode_plan,
    plan_shards,
    shard_rows_max,
    split_shares,
)
from airflow_provider_aimlapi.core.texts.number_range import check_whole_number
from airflow_provider_aimlapi.engine.prepared import Prepared
from airflow_provider_aimlapi.engine.request_maker import RequestMaker
from airflow_provider_aimlapi.engine.runtime.patient_store import patient
from airflow_provider_aimlapi.engine.runtime.retry import persistently
from airflow_provider_aimlapi.errors import InvalidSpec, JournalUnreadable
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.input.path_overlap import check_apart, check_files_apart
from airflow_provider_aimlapi.storage.output.changes import run_in_place
from airflow_provider_aimlapi.storage.output.name_limits import check_lengths
from airflow_provider_aimlapi.storage.output.visible_files import check_foreign
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest, read_plan
from airflow_provider_aimlapi.storage.stores.checked_store import go_on
from airflow_provider_aimlapi.storage.stores.object_store import create_settled, probe

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.calls.json_types import Json
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.engine.job import Job, Place
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.input.dataset import DataSet
    from airflow_provider_aimlapi.storage.stores.checked_store import Check
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

    OpenStore = Callable[[Place], ObjectStore]

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a look at input and output shows.

    Attributes:
        run: with the stored plan, or the proposed one while no attempt has begun the run.
        made_of: what the run key is made of.
        has_begun: whether an attempt has settled the plan.
    """

    run: Prepared
    made_of: dict[str, Json]
    has_begun: bool


def prepare(
    job: Job,
    open_store: OpenStore,
    clock: Clock,
    *,
    workers: int = 1,
    check: Check = go_on,
) -> Prepared:
    """Look at the input and the output, and settle the plan.

    Args:
        check: called before each request of a scan; raises to end it.
        workers: shares that the run is divided into, if this creates its plan and its rows are
            enough; a plan that was settled before stays as it is.

    Raises:
        SetupError: the input, the prompt or a column name is wrong.
        StorageError: the output cannot be written safely, or what stands there cannot be read.
    """
    check_whole_number("workers", workers, least=1, most=WORKERS_MAX)
    seen = _look(job, open_store, clock, workers, check=check)
    if seen.run.manifest is None:
        if not seen.has_begun:
            seen.run.data_set.check_values(seen.run.plan.shards, check)
        run = _settle_plan(seen, clock, check)
        _announce(run.plan, job)
        return run
    log.info(
        "Run %s is published already: its %s rows are paid for, and no call is made.",
        seen.run.names.run_key,
        f"{seen.run.manifest.tally.rows:,}",
    )
    _tell_of_rejected(seen.run.manifest)
    return seen.run


def prepare_share(
    job: Job, open_store: OpenStore, clock: Clock, share: int, *, check: Check = go_on
) -> Prepared:
    """As `prepare`, for one share of a run whose plan another task has settled.

    Raises:
        InvalidSpec: also when no plan is there, or the run has no such share.
    """
    seen = _look(job, open_store, clock, check=check)
    if not seen.has_begun:
        raise InvalidSpec(
            f"share={share}, but nobody has divided run {seen.run.names.run_key} into shares. Run a "
            f"ClaudeCompletionPlanOperator with the same arguments before this task; if one has "
            f"run, the input has changed since, so clear that task too."
        )
    prepared = seen.run.of_share(share)
    log.info("Share %s of %s.", share, len(seen.run.run_plan.shares))
    _announce(prepared.plan, job)
    return prepared


def survey(
    job: Job, open_store: OpenStore, clock: Clock, *, check: Check = go_on
) -> tuple[Prepared, bool]:
    """Look at the input and the output as `prepare` does, and write nothing.

    Returns:
        The run as it would be, and whether an attempt has begun it; then the plan is that one's.

    Raises:
        As `prepare`, but for what only writing can show.
    """
    seen = _look(job, open_store, clock, check=check)
    if seen.run.manifest is None:
        check_foreign(patient(seen.run.store, clock, check), seen.run.plan, clock.spread)
    if not seen.has_begun:
        seen.run.data_set.check_values(seen.run.plan.shards, check)
    return seen.run, seen.has_begun


def _look(
    job: Job, open_store: OpenStore, clock: Clock, workers: int = 1, *, check: Check
) -> _Seen:
    """The reading half, for `workers` if no attempt has begun the run. Retries each request."""
    store = open_store(job.output)
    scanned = patient(store, clock, check)
    check_apart(job.input.fs.unstrip_protocol(job.input.path), store.uri(""))
    data_set = open_data_set(
        job.input.fs, job.input.path, check, partial(persistently, clock, check)
    )
    check_files_apart(data_set.files, store.uri(""))
    data_set.check_output_columns((job.output_column, job.info_column))
    data_set.warn_of_losses()
    maker = _request_maker(job, data_set)
    made_of = _ingredients(job, data_set, maker)
    names = RunNames(run_key=run_key_of(made_of))
    stored = _stored_plan(scanned, names, data_set, job)
    plan = stored or _propose(names, data_set, job, workers)
    check_lengths(store, (names.segment(0, 1, 1), *(shard.visible_name for shard in plan.shards)))
    manifest = read_manifest(scanned, names, plan) if stored else None
    in_place = run_in_place(scanned)
    _look_at_existing(store, names, job, in_place)
    run = Prepared(
        job=job,
        data_set=data_set,
        maker=maker,
        store=store,
        names=names,
        plan=plan,
        run_plan=plan,
        manifest=manifest,
        in_place=in_place,
    )
    return _Seen(run=run, made_of=made_of, has_begun=stored is not None)


def _propose(names: RunNames, data_set: DataSet, job: Job, workers: int) -> Plan:
    """The plan as it is when nobody has settled one before."""
    rows = sum(file.rows for file in data_set.files)
    shards = plan_shards(
        data_set.files,
        limit_rows=job.limit_rows,
        rows_max=shard_rows_max(min(rows, job.limit_rows or rows), workers),
    )
    return Plan(
        run_key=names.run_key,
        shards=shards,
        shares=split_shares(shards, workers),
        workers=workers,
    )


def _look_at_existing(store: ObjectStore, names: RunNames, job: Job, other: str | None) -> None:
    """Say that the result of another run will go, or refuse, while there is still time to stop."""
    if other is None or other == names.run_key:
        return
    found = (
        f"The output path {store.uri('')} holds the result of another run, {other}: another "
        f"prompt, model, input or limit_rows."
    )
    if job.on_existing == "error":
        raise InvalidSpec(
            f"{found} Choose another output_path, or on_existing='replace' to have this run's "
            f"result take its place."
        )
    log.warning("%s This run's result takes its place when it is complete.", found)


def _tell_of_rejected(manifest: Manifest) -> None:
    if manifest.tally.rejected:
        log.info(
            "Its %s rejected rows stay so, for a published run never changes. To ask for them "
            "again, make them the input of another run.",
            f"{manifest.tally.rejected:,}",
        )


def _announce(plan: Plan, job: Job) -> None:
    log.info(
        "Run %s: %s rows, %s part(s), by %s, at %s.",
        plan.run_key,
        f"{plan.rows:,}",
        f"{len(plan.shards):,}",
        job.completion.model,
        job.endpoint.origin,
    )


def _request_maker(job: Job, data_set: DataSet) -> RequestMaker:
    columns = (*data_set.column_names, *data_set.partition_names)
    prompt = parse_template(job.prompt, columns=columns, argument="prompt")
    system = None
    if job.system:
        system = parse_template(job.system, columns=columns, argument="system")
    maker = RequestMaker(prompt, system, RequestEncoder(job.completion))
    log_assumption(job.completion.model)
    data_set.check_promptable(maker.columns)
    for literal, column in near_misses(job.prompt + (job.system or ""), columns):
        log.warning("%s goes to the API as it stands. Did you mean {%s}?", literal, column)
    _check_uses_column(job, data_set, maker)
    return maker


def log_assumption(model: str) -> None:
    """Log which dialect is spoken with a model that is not listed."""
    if (assumed := assumption(model)) is not None:
        log.info("%s", assumed)


def _check_uses_column(job: Job, data_set: DataSet, maker: RequestMaker) -> None:
    """Refuse to pay for the same question once per row, unless that is what is wanted."""
    rows = sum(file.rows for file in data_set.files)
    rows = min(rows, job.limit_rows or rows)
    if maker.columns or rows <= 1 or job.constant_prompt:
        return
    example = next(iter((*data_set.column_names, *data_set.partition_names)), "column")
    raise InvalidSpec(
        f"The prompt uses no column, so all {rows:,} rows would ask, and pay for, the same question. "
        f"Write a column's name in braces where a row's value belongs, such as {{{example}}}; or set "
        f"constant_prompt=True to send it all the same."
    )


def _ingredients(job: Job, data_set: DataSet, maker: RequestMaker) -> dict[str, Json]:
    """What makes two runs the same. Keys, concurrency, time-outs and prices are left out."""
    return {
        "inputs": [[file.uri, file.version, file.size_bytes, file.rows] for file in data_set.files],
        "columns": list(maker.columns),
        "prompt": job.prompt,
        "system": job.system,
        "origin": job.endpoint.origin,
        "dialect": model_of(job.completion.model).dialect.name,
        "parameters": job.completion.parameters(),
        "output_column": job.output_column,
        "limit_rows": job.limit_rows,
    }


def _settle_plan(seen: _Seen, clock: Clock, check: Check) -> Prepared:
    """The run with its plan: created now, or the one that an earlier attempt created."""
    run, store, names = seen.run, patient(seen.run.store, clock), seen.run.names
    probe(store, f"{names.folder}/probe-{secrets.token_hex(8)}")
    check_foreign(patient(run.store, clock, check), run.plan, clock.spread)
    is_ours = not seen.has_begun and create_settled(
        store, names.plan, encode_plan(run.plan, json.dumps(seen.made_of).encode())
    )
    if is_ours:
        return run
    log.info("Taking up run %s, which an earlier attempt began.", names.run_key)
    if seen.has_begun:
        return run
    plan = _stored_plan(store, names, run.data_set, run.job)
    if plan is None:
        raise JournalUnreadable(f"{store.uri(names.plan)} was created, but cannot be read back.")
    return replace(run, plan=plan, run_plan=plan)


def _stored_plan(store: ObjectStore, names: RunNames, data_set: DataSet, job: Job) -> Plan | None:
    """The plan that an attempt created; None when none has begun.

    Raises:
        JournalUnreadable: it does not split this input as an attempt would.
    """
    stored = read_plan(store, names)
    if stored is not None:
        expected = _propose(names, data_set, job, stored.workers)
        check_split(stored, expected, uri=store.uri(names.plan))
    return stored
