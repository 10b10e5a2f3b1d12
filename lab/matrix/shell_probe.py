"""A probe for a cell's Python: it imports the whole Airflow shell, and reports as JSON what is missing."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from typing import Any

SHELL = ("hooks", "operators", "decorators", "plugins")


def main() -> None:
    """Print the findings. A module that cannot be imported ends the probe with its traceback."""
    # First, as in Airflow's API server: whatever breaks Airflow itself is not laid to us.
    from airflow.api_fastapi.app import create_app

    import airflow_provider_aimlapi

    modules = sorted(
        module.name
        for module in pkgutil.walk_packages(
            airflow_provider_aimlapi.__path__, "airflow_provider_aimlapi."
        )
        if module.name.split(".")[1] in SHELL
    )
    for name in modules:
        importlib.import_module(name)
    found = {
        "modules": len(modules),
        "from": airflow_provider_aimlapi.__file__,
        "has_retry_policy": _has_retry_policy(),
        "form_fields": _form_fields(),
        "form_labels": _form_labels(),
        "page_statuses": _page_statuses(create_app(apps="core")),
        "has_task_tab": _has_task_tab(),
        "has_approval": _has_approval(),
    }
    sys.stdout.write("\n" + json.dumps(found) + "\n")


def _has_retry_policy() -> bool:
    """Return whether the operator has a policy, and Airflow knows it."""
    from airflow_provider_aimlapi.operators.claude import ClaudeCompletionOperator

    operator = ClaudeCompletionOperator(
        task_id="any", input_path="/in", output_path="/out", prompt="{text}"
    )
    return getattr(operator, "retry_policy", None) is not None


def _form() -> Any:
    """Return the connection form as the API server sends it to its pages."""
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    (form,) = [
        form for form in HookMetaService.hook_meta_data() if form.connection_type == "aimlapi"
    ]
    return form


def _form_fields() -> list[str]:
    return sorted(_form().extra_fields or {})


def _form_labels() -> list[str]:
    """Return our labels of the standard fields."""
    fields = _form().standard_fields
    return [] if fields is None else [field.title for field in (fields.host, fields.password)]


def _page_statuses(app: Any) -> dict[str, int]:
    """Return the answers of the run page's addresses to a client without a login."""
    from starlette.testclient import TestClient

    client = TestClient(app)
    query = {"dag_id": "any", "run_id": "any", "task_id": "any"}
    return {
        path: client.get(f"/aimlapi/{path}", params=query).status_code
        for path in ("files/icon.svg", "page", "progress", "report")
    }


def _has_task_tab() -> bool:
    """Return whether this Airflow reads a plugin's views, and knows ours."""
    from airflow import plugins_manager
    from airflow.api_fastapi.core_api.datamodels import plugins as models

    from airflow_provider_aimlapi.plugins.run_page import RunPagePlugin

    if not hasattr(models, "ExternalViewResponse"):
        return False
    view = models.ExternalViewResponse.model_validate(RunPagePlugin.external_views[0])
    return view.destination == "task_instance" and hasattr(plugins_manager, "AirflowPlugin")


def _has_approval() -> bool:
    """Return whether a DAG can wait for a person's decision."""
    try:
        importlib.import_module("airflow.providers.standard.operators.hitl")
    except Exception as error:
        if type(error).__name__ != "AirflowOptionalProviderFeatureException":
            raise
        return False
    return True


if __name__ == "__main__":
    main()
