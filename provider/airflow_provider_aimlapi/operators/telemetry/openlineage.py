"""What Airflow's OpenLineage provider calls on an operator, and when. Without it nobody calls.

It asks in the task's own process (or a fork of it), on the very operator that runs: with its
templates rendered, before `execute`, and after it, when the try's `Observation` is there. A killed
task is asked nothing. Each try is a run of its own to OpenLineage, and so is each mapped task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aimlapi.errors import InvalidSpec
from airflow_provider_aimlapi.operators.locations import parse_location
from airflow_provider_aimlapi.operators.telemetry.openlineage_names import data_set_name

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_aimlapi.operators.telemetry.observation import Observation
    from airflow_provider_aimlapi.operators.telemetry.openlineage_names import DataSetName


class TellsLineage:
    """The three methods, for an operator with an `input_path` and an `output_path`.

    Attributes:
        writes_output: whether the operator publishes anything at its output path.
    """

    writes_output: ClassVar[bool] = True
    input_path: object
    output_path: object
    _seen: Observation | None

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """The names of input and output."""
        return self._told()

    def get_openlineage_facets_on_complete(
        self, _task_instance: object
    ) -> OperatorLineage[Any, Any]:
        """Also columns, rows, and the run's counts and bill."""
        return self._told()

    def get_openlineage_facets_on_failure(
        self, _task_instance: object
    ) -> OperatorLineage[Any, Any]:
        """As far as the run had come; of the output the name alone, for nothing was published."""
        return self._told()

    def _told(self) -> OperatorLineage[Any, Any]:
        from airflow_provider_aimlapi.operators.telemetry.openlineage_facets import facets

        seen = self._seen
        lineage = None if seen is None else seen.lineage
        source = self._name("input_path", None if lineage is None else lineage.input_account)
        target = self._name("output_path", None if lineage is None else lineage.output_account)
        return facets(
            source,
            target if self.writes_output else None,
            lineage,
            None if seen is None else seen.report,
            {} if seen is None else seen.facts(),
        )

    def _name(self, argument: str, account: str | None) -> DataSetName | None:
        """None for a path that the run would refuse, or that is not there yet."""
        path = getattr(self, argument)
        try:
            location = parse_location(path, argument=argument, storage_conn_id=None)
        except InvalidSpec:
            return None
        return data_set_name(location, account=account)
