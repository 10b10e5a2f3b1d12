"""The methods of an operator that Airflow's OpenLineage provider calls.

The provider calls them in the task's own process, or in a fork of it, on the operator that runs. The
first call comes before `execute`, with templates rendered. The second comes after it, with the try's
`Observation`. No call comes for a killed task. To OpenLineage, each try and each mapped task is a run
of its own.
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


class ReportsLineage:
    """The three methods for an operator with an `input_path` and an `output_path`.

    Attributes:
        writes_output: whether the operator publishes anything at its output path.
    """

    writes_output: ClassVar[bool] = True
    input_path: object
    output_path: object
    _seen: Observation | None

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Return the names of input and output."""
        return self._build_lineage()

    def get_openlineage_facets_on_complete(
        self, _task_instance: object
    ) -> OperatorLineage[Any, Any]:
        """Return the names, columns and rows of input and output, and the run's counts and bill."""
        return self._build_lineage()

    def get_openlineage_facets_on_failure(
        self, _task_instance: object
    ) -> OperatorLineage[Any, Any]:
        """Return what the run has counted, and only the name of the output, which was not published."""
        return self._build_lineage()

    def _build_lineage(self) -> OperatorLineage[Any, Any]:
        from airflow_provider_aimlapi.operators.telemetry.openlineage_facets import facets_of_run

        seen = self._seen
        lineage = None if seen is None else seen.lineage
        source = self._name_of("input_path", None if lineage is None else lineage.input_account)
        target = self._name_of("output_path", None if lineage is None else lineage.output_account)
        return facets_of_run(
            source,
            target if self.writes_output else None,
            lineage,
            None if seen is None else seen.report,
            {} if seen is None else seen.facts_of_try(),
        )

    def _name_of(self, argument: str, account: str | None) -> DataSetName | None:
        """Return the name of a path's data set; None for a path that is refused or not rendered yet."""
        path = getattr(self, argument)
        try:
            location = parse_location(path, argument=argument, storage_conn_id=None)
        except InvalidSpec:
            return None
        return data_set_name(location, account=account)
