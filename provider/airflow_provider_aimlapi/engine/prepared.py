"""A checked and planned run, as one value. Only its manifest is read again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.manifest import manifest_of
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest
from airflow_provider_aimlapi.storage.stores.checked_store import CheckedStore

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.answers.validation import AnswerValidator
    from airflow_provider_aimlapi.core.durable.ingredients import Ingredients
    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.durable.plan import Plan
    from airflow_provider_aimlapi.engine.follow_ups import FollowUps
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.engine.replaced_run import ReplacedRun
    from airflow_provider_aimlapi.engine.request_maker import RequestMaker
    from airflow_provider_aimlapi.storage.input.dataset import DataSet
    from airflow_provider_aimlapi.storage.parts.outcome_columns import OutcomeColumns
    from airflow_provider_aimlapi.storage.stores.checked_store import Check
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that may start.

    Attributes:
        job: what the caller wants.
        data_set: the input.
        maker: makes the requests.
        validator: checks the answers; None if there is no schema.
        follow_ups: decides whether a row is sent again because of its last answer.
        outcome_columns: the columns that the run adds to its input.
        store: rooted at the output path.
        names: the names of the run's objects in the store.
        ingredients: what the run is made of, without the input files.
        plan: the plan of what this attempt processes: the run, or one share of it.
        run_plan: the plan of the whole run.
        manifest: the manifest, if this run is published already.
        shown_at_start: the run that plain readers saw when this attempt began; None for none.
        replaced: that run, compared with this one; None if it is this one, or for a share.
    """

    job: Job
    data_set: DataSet
    maker: RequestMaker
    validator: AnswerValidator | None
    follow_ups: FollowUps
    outcome_columns: OutcomeColumns
    store: ObjectStore
    names: RunNames
    ingredients: Ingredients
    plan: Plan
    run_plan: Plan
    manifest: Manifest | None
    shown_at_start: str | None
    replaced: ReplacedRun | None = None

    @property
    def share(self) -> int | None:
        """Return the share that this attempt processes; None for the whole run."""
        return self.names.share

    def read_manifest(self) -> Manifest | None:
        """Read the manifest, or a share's part of it; None if the run is not published. Blocking."""
        manifest = read_manifest(self.store, self.names, self.run_plan)
        return manifest and self._of_plan(manifest)

    def with_check(self, check: Check) -> Prepared:
        """Return the same run for a scan: `check` is called before each request to the output."""
        return replace(self, store=CheckedStore(self.store, check))

    def of_share(self, share: int) -> Prepared:
        """Return one share, which is processed as if it were a run.

        Raises:
            InvalidSpec: the run has no such share.
        """
        mine = replace(
            self,
            names=replace(self.names, share=share),
            plan=self.run_plan.of_share(share),
        )
        return replace(mine, manifest=self.manifest and mine._of_plan(self.manifest))  # noqa: SLF001  its own class

    def _of_plan(self, manifest: Manifest) -> Manifest:
        if self.share is None:
            return manifest
        mine = {shard.part for shard in self.plan.shards}
        return manifest_of(manifest.run_key, (one for one in manifest.parts if one.part in mine))
