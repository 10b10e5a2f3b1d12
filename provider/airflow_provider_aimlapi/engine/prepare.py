"""Read and plan a run. Every mistake that can be found before money is spent is refused here.

Blocking; the run calls it in a thread.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.calls.dialect import model_of
from airflow_provider_aimlapi.core.durable.ingredients import FOLLOWS_FROM_OTHERS, Ingredients
from airflow_provider_aimlapi.core.durable.keys import RunNames, run_key_of
from airflow_provider_aimlapi.core.durable.plan import (
    Plan,
    check_split,
    encode_plan,
    plan_shards,
    shard_rows_max,
    split_shares,
)
from airflow_provider_aimlapi.core.texts.setting_ranges import check_settings
from airflow_provider_aimlapi.engine.follow_ups import FollowUps
from airflow_provider_aimlapi.engine.prepared import Prepared
from airflow_provider_aimlapi.engine.replaced_run import compare_with_shown
from airflow_provider_aimlapi.engine.request_maker import request_maker_of
from airflow_provider_aimlapi.engine.runtime.patient_store import patient_store
from airflow_provider_aimlapi.engine.runtime.retry import send_persistently
from airflow_provider_aimlapi.engine.typed_answers import outcome_columns_of
from airflow_provider_aimlapi.errors import InvalidSpec, JournalUnreadable
from airflow_provider_aimlapi.logs import logger
from airflow_provider_aimlapi.storage.input.dataset import open_data_set
from airflow_provider_aimlapi.storage.input.path_overlap import check_files_separate, check_separate
from airflow_provider_aimlapi.storage.output.name_limits import check_lengths
from airflow_provider_aimlapi.storage.output.visible_output import VisibleOutput
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest, read_plan
from airflow_provider_aimlapi.storage.stores.checked_store import go_on
from airflow_provider_aimlapi.storage.stores.object_store import create_settled, probe_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.calls.json_types import Json
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.engine.job import Job, OpenLocation
    from airflow_provider_aimlapi.engine.replaced_run import ReplacedRun
    from airflow_provider_aimlapi.engine.request_maker import RequestMaker
    from airflow_provider_aimlapi.engine.runtime.clock import Clock
    from airflow_provider_aimlapi.storage.input.dataset import DataSet
    from airflow_provider_aimlapi.storage.stores.checked_store import Check
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore

    OpenStore = Callable[[OpenLocation], ObjectStore]

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Survey:
    """What input and output show before anything is written.

    Attributes:
        run: the run, with the stored plan, or the proposed one if no attempt has stored one.
        made_of: the ingredients of the run key.
        has_begun: whether an attempt has stored the plan.
    """

    run: Prepared
    made_of: dict[str, Json]
    has_begun: bool

    @property
    def made_of_json(self) -> bytes:
        """The ingredients as the plan stores them."""
        return json.dumps(self.made_of).encode()


def prepare_run(
    job: Job,
    open_store: OpenStore,
    clock: Clock,
    *,
    workers: int = 1,
    check: Check = go_on,
) -> Prepared:
    """Read the input and the output, and store the plan.

    Args:
        check: called before each request of a scan; raises to end it.
        workers: the number of shares, if this call stores the plan and there are enough rows. A
            plan that was stored before stays as it is.

    Raises:
        SetupError: the input, the prompt or a column name is wrong.
        StorageError: the output cannot be written safely, or an object there cannot be read.
    """
    check_settings({"workers": workers})
    seen = _with_comparison(
        _survey_input(job, open_store, clock, workers, check=check), clock, check
    )
    if seen.run.manifest is None:
        if not seen.has_begun:
            # Once only. The run key contains the version of each file, so a later attempt reads
            # the same values.
            seen.run.data_set.check_values(seen.run.plan.shards, check)
        run = _store_plan(seen, clock, check)
        _log_plan(run.plan, job)
        return run
    log.info(
        "Run %s is published already. Its %s rows are paid for, and no call is made.",
        seen.run.names.run_key,
        f"{seen.run.manifest.tally.rows:,}",
    )
    _log_rejected(seen.run.manifest)
    return seen.run


def prepare_share(
    job: Job, open_store: OpenStore, clock: Clock, share: int, *, check: Check = go_on
) -> Prepared:
    """Do the same as `prepare_run` for one share of a run whose plan another task has stored.

    Raises:
        InvalidSpec: also if there is no plan, or the run has no such share.
    """
    seen = _survey_input(job, open_store, clock, check=check)
    if not seen.has_begun:
        raise InvalidSpec(
            f"share={share}, but run {seen.run.names.run_key} is not divided into shares. Run a "
            f"ClaudeCompletionPlanOperator with the same arguments before this task. If one has run, "
            f"the input has changed since. Then clear that task too."
        )
    prepared = seen.run.of_share(share)
    log.info("Share %s of %s.", share, len(seen.run.run_plan.shares))
    _log_plan(prepared.plan, job)
    return prepared


def survey_run(
    job: Job, open_store: OpenStore, clock: Clock, *, check: Check = go_on
) -> tuple[Prepared, bool]:
    """Read the input and the output as `prepare_run` does, and write nothing.

    Returns:
        The run, and whether an attempt has begun it. If one has, the plan is the stored one.

    Raises:
        As `prepare_run`, except for errors that only a write can show.
    """
    seen = _with_comparison(_survey_input(job, open_store, clock, check=check), clock, check)
    if seen.run.manifest is None:
        _refuse_foreign(seen.run, clock, check)
    if not seen.has_begun:
        seen.run.data_set.check_values(seen.run.plan.shards, check)
    return seen.run, seen.has_begun


def _survey_input(
    job: Job, open_store: OpenStore, clock: Clock, workers: int = 1, *, check: Check
) -> _Survey:
    """Do what only reads, for this number of workers if there is no plan. Retry each request."""
    store = open_store(job.output)
    scanned = patient_store(store, clock, check)
    # From cheap to expensive: paths, then the listing and the footers, then the names of
    # columns, then the plan. The first error ends it, so a wrong path costs no listing.
    check_separate(job.input.fs.unstrip_protocol(job.input.path), store.uri(""))
    data_set = open_data_set(
        job.input.fs, job.input.path, check, partial(send_persistently, clock, check)
    )
    check_files_separate(data_set.files, store.uri(""))
    outcome_columns = outcome_columns_of(job, data_set)
    data_set.warn_of_losses()
    maker, validator = request_maker_of(job, data_set)
    made_of = _key_ingredients(job, data_set, maker)
    names = RunNames(run_key=run_key_of(made_of))
    # The stored plan counts, because its parts may be paid for. The proposal only checks it.
    stored = _stored_plan(scanned, names, data_set, job)
    plan = stored or _propose_plan(names, data_set, job, workers)
    check_lengths(
        store, (names.segment_name(0, 1, 1), *(shard.visible_name for shard in plan.shards))
    )
    # A manifest without a plan is not ours: each run stores its plan first.
    manifest = read_manifest(scanned, names, plan) if stored else None
    shown = VisibleOutput(scanned, clock.map_in_threads).shown_run()
    run = Prepared(
        job=job,
        data_set=data_set,
        maker=maker,
        follow_ups=FollowUps(
            maker, raises_truncated=job.on_truncated == "raise", repairs=job.repairs
        ),
        validator=validator,
        outcome_columns=outcome_columns,
        store=store,
        names=names,
        ingredients=_compared_with_others(job, made_of),
        plan=plan,
        run_plan=plan,
        manifest=manifest,
        shown_at_start=shown,
    )
    seen = _Survey(run=run, made_of=made_of, has_begun=stored is not None)
    if job.on_existing == "error":
        _refuse_existing(_with_comparison(seen, clock, check).run.replaced)
    return seen


def _propose_plan(names: RunNames, data_set: DataSet, job: Job, workers: int) -> Plan:
    """Return the plan for an input that has no stored plan."""
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


def _with_comparison(seen: _Survey, clock: Clock, check: Check) -> _Survey:
    """Return the survey with a comparison with the run that is shown, if that is another run."""
    run = seen.run
    shown = run.shown_at_start
    if shown is None or shown == run.names.run_key:
        return seen
    replaced = compare_with_shown(
        patient_store(run.store, clock, check),
        shown,
        seen.made_of_json,
        model=run.job.completion.model,
        is_paid=run.manifest is not None,
        reuses=run.job.reuse_from is not None,
    )
    return replace(seen, run=replace(run, replaced=replaced))


def _refuse_existing(replaced: ReplacedRun | None) -> None:
    """Refuse to replace the result of another run, before money is spent."""
    if replaced is not None:
        raise InvalidSpec(
            f"Choose another output_path, or set on_existing='replace' to replace a result by this "
            f"run's. {replaced.location_sentence()} {replaced.reason_sentence()} "
            f"{replaced.payment_sentence(replaced.cost_as_before())}"
        )


def _log_rejected(manifest: Manifest) -> None:
    if manifest.tally.rejected:
        log.info(
            "Its %s rejected rows stay rejected, because a published run never changes. To send them "
            "again, make them the input of another run.",
            f"{manifest.tally.rejected:,}",
        )


def _log_plan(plan: Plan, job: Job) -> None:
    log.info(
        "Run %s: %s rows, %s part(s), by %s, at %s.",
        plan.run_key,
        f"{plan.rows:,}",
        f"{len(plan.shards):,}",
        job.completion.model,
        job.endpoint.origin,
    )


def _key_ingredients(job: Job, data_set: DataSet, maker: RequestMaker) -> dict[str, Json]:
    """Return what identifies a run. Keys, concurrency, time-outs and prices are left out."""
    # A change of a name or a value here makes every stored run another run, which is paid for
    # again.
    return {
        "inputs": [[file.uri, file.version, file.size_bytes, file.rows] for file in data_set.files],
        "columns": list(maker.columns),
        "prompt": job.prompt,
        "system": job.system,
        "on_truncated": job.on_truncated,
        "examples": [[dict(values), answer] for values, answer in job.examples],
        "origin": job.endpoint.origin,
        "dialect": model_of(job.completion.model).dialect.name,
        "parameters": job.completion.parameters(),
        "output_column": job.output_column,
        "repairs": job.repairs if job.schema else None,
        "output_schema": job.schema.canonical_json.decode() if job.schema else None,
        "limit_rows": job.limit_rows,
        **({} if job.ask_once else {"ask_once": False}),
    }


def _compared_with_others(job: Job, made_of: dict[str, Json]) -> Ingredients:
    """Return the ingredients that are compared with those of earlier runs, without the input files."""
    others = ("inputs", "parameters", FOLLOWS_FROM_OTHERS)
    return Ingredients(
        inputs=(),
        parameters={**job.completion.parameters()},
        values={name: value for name, value in made_of.items() if name not in others},
    )


def _store_plan(seen: _Survey, clock: Clock, check: Check) -> Prepared:
    """Return the run with its stored plan: stored now, or by an earlier attempt."""
    run, store, names = seen.run, patient_store(seen.run.store, clock), seen.run.names
    # 1. Find out whether the store can create an object once. Without that, two attempts might pay.
    # 2. Refuse the output if another program's files are there, before the first object of the run.
    # 3. Create the plan. If another attempt was faster, read the plan of that attempt.
    probe_store(store, f"{names.run_folder}/probe-{secrets.token_hex(8)}")
    _refuse_foreign(run, clock, check)
    is_ours = not seen.has_begun and create_settled(
        store, names.plan_name, encode_plan(run.plan, seen.made_of_json)
    )
    if is_ours:
        return run
    log.info("Continuing run %s, which an earlier attempt began.", names.run_key)
    if seen.has_begun:
        return run
    plan = _stored_plan(store, names, run.data_set, run.job)
    if plan is None:
        raise JournalUnreadable(
            f"{store.uri(names.plan_name)} was created, but cannot be read back."
        )
    return replace(run, plan=plan, run_plan=plan)


def _refuse_foreign(run: Prepared, clock: Clock, check: Check) -> None:
    """Refuse a run that would replace files which no run has written."""
    VisibleOutput(patient_store(run.store, clock, check), clock.map_in_threads).refuse_foreign(
        run.plan
    )


def _stored_plan(store: ObjectStore, names: RunNames, data_set: DataSet, job: Job) -> Plan | None:
    """Return the plan that an attempt has stored; None if none has.

    Raises:
        JournalUnreadable: it does not split this input as an attempt would.
    """
    stored = read_plan(store, names)
    if stored is not None:
        expected = _propose_plan(names, data_set, job, stored.workers)
        check_split(stored, expected, uri=store.uri(names.plan_name))
    return stored
