"""A run that was checked and planned, as one value. Only its manifest is read again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_aimlapi.core.durable.manifest import manifest_of
from airflow_provider_aimlapi.storage.runs.run_objects import read_manifest
from airflow_provider_aimlapi.storage.stores.checked_store import CheckedStore

if TYPE_CHECKING:
    from airflow_provider_aimlapi.core.durable.keys import RunNames
    from airflow_provider_aimlapi.core.durable.manifest import Manifest
    from airflow_provider_aimlapi.core.durable.plan import Plan
    from airflow_provider_aimlapi.engine.job import Job
    from airflow_provider_aimlapi.engine.request_maker import RequestMaker
    from airflow_provider_aimlapi.storage.input.dataset import DataSet
    from airflow_provider_aimlapi.storage.stores.checked_store import Check
    from airflow_provider_aimlapi.storage.stores.object_store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that may start.

    Attributes:
        store: rooted at the output path. names: the run's objects in it.
        plan: of what is to be asked for: the run, or one share of it. run_plan: the run's.
        manifest: not None when this very run is published already.
        shown_at_start: the run that plain readers saw when this attempt began; None for none.
    """

    job: Job
    data_set: DataSet
    maker: RequestMaker
    store: ObjectStore
    names: RunNames
    plan: Plan
    run_plan: Plan
    manifest: Manifest | None
    shown_at_start: str | None

    @property
    def share(self) -> int | None:
        """The share that is asked for; None for the whole run."""
        return self.names.share

    def read_manifest(self) -> Manifest | None:
        """The manifest as it stands now, of a share its part of it. Blocking.

        Returns:
            None while the run is not published.
        """
        manifest = read_manifest(self.store, self.names, self.run_plan)
        return manifest and self._of_plan(manifest)

    def checked(self, check: Check) -> Prepared:
        """The same run, for a scan: `check` is called before each request to the output's store."""
        return replace(self, store=CheckedStore(self.store, check))

    def of_share(self, share: int) -> Prepared:
        """One share, to be asked for as if it were a run.

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
