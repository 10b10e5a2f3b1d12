"""The package's metadata, which Airflow reads at every start. It has only literals and imports nothing.

`connection-types` draws the Add Connection form in Airflow 3.2 and later. Older versions call the
hook's methods, which return the same form.
"""

from __future__ import annotations

INTEGRATION = "AI/ML API"

UI_FIELD_BEHAVIOUR = {
    "hidden-fields": ["login", "port", "schema"],
    "relabeling": {"host": "Base URL", "password": "API key"},
    "placeholders": {
        "host": "https://api.aimlapi.com",
        "password": "from https://aimlapi.com/app/keys",
    },
}


def _limit_field(label: str, argument: str) -> dict[str, object]:
    return {
        "label": label,
        "description": (
            f"For each task that uses this connection. The task's own {argument} applies if it is "
            f"lower. Empty: the connection sets no limit."
        ),
        "schema": {"type": ["integer", "null"], "minimum": 1},
    }


LIMIT_FIELDS = {
    "max_concurrency": _limit_field("Most calls in flight", "max_concurrency"),
    "requests_per_minute": _limit_field("Requests a minute", "requests_per_minute"),
    "tokens_per_minute": _limit_field("Tokens a minute", "tokens_per_minute"),
}

ROUTE_FIELDS: dict[str, dict[str, object]] = {
    "proxy": {
        "label": "Proxy",
        "description": (
            "http://host:port, or http://user:password@host:port. Empty: HTTPS_PROXY and NO_PROXY "
            "of the worker's environment apply. none: no proxy, whatever they contain."
        ),
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "ca_file": {
        "label": "CA file",
        "description": (
            "A PEM file on the workers with the certificate authorities to trust instead of the usual "
            "ones. Empty: SSL_CERT_FILE or REQUESTS_CA_BUNDLE of the worker's environment applies."
        ),
        "schema": {"type": ["string", "null"]},
    },
}
"""`password` hides the proxy in the form, because its URL may contain credentials."""

CONNECTION_FIELDS: dict[str, dict[str, object]] = {**LIMIT_FIELDS, **ROUTE_FIELDS}
"""The fields of a connection's extra, by their names: the form's own fields."""


CONFIG: dict[str, object] = {
    "aimlapi": {
        "description": "Settings of the AI/ML API provider.",
        "options": {
            "allowed_schemes": {
                "description": (
                    "Schemes that input_path and output_path may have besides s3, s3a, gs, gcs, "
                    "abfs, abfss, az and file, separated by commas. Each of them opens "
                    "another file system of fsspec to all users who may choose a path. The "
                    "command line reads the same environment variable."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "ftp, sftp",
                "default": "",
            },
            "task_tab": {
                "description": (
                    "Whether task instances have the tab AI/ML API run. Airflow can show a tab on the "
                    "task instances of all DAGs, or on none. Without the tab, Browse, AI/ML API runs "
                    "leads to each run. Restart the API server after a change."
                ),
                "version_added": "0.1.0",
                "type": "boolean",
                "example": None,
                "default": "True",
            },
        },
    }
}
"""The settings of a deployment, which Airflow lists in its own reference."""


def get_provider_info() -> dict[str, object]:
    """Return the provider's metadata in the form of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "airflow-provider-aimlapi",
        "name": INTEGRATION,
        "description": (
            "Map a Claude completion over the rows of a Parquet data set, "
            "through the `AI/ML API <https://aimlapi.com/>`__."
        ),
        "versions": ["0.1.0"],
        "integrations": [
            {
                "integration-name": INTEGRATION,
                "external-doc-url": "https://docs.aimlapi.com/",
                "tags": ["ai", "service"],
            }
        ],
        "hooks": [
            {
                "integration-name": INTEGRATION,
                "python-modules": ["airflow_provider_aimlapi.hooks.aimlapi"],
            }
        ],
        "operators": [
            {
                "integration-name": INTEGRATION,
                "python-modules": [
                    "airflow_provider_aimlapi.operators.claude",
                    "airflow_provider_aimlapi.operators.estimate",
                    "airflow_provider_aimlapi.operators.plan",
                ],
            }
        ],
        "config": CONFIG,
        "extra-links": ["airflow_provider_aimlapi.operators.links.RunReportLink"],
        "plugins": [
            {
                "name": "aimlapi",
                "plugin-class": "airflow_provider_aimlapi.plugins.run_page.RunPagePlugin",
            }
        ],
        "task-decorators": [
            {
                "name": "claude_completion",
                "class-name": "airflow_provider_aimlapi.decorators.claude.claude_completion_task",
            }
        ],
        "connection-types": [
            {
                "connection-type": "aimlapi",
                "hook-class-name": "airflow_provider_aimlapi.hooks.aimlapi.AIMLAPIHook",
                "hook-name": INTEGRATION,
                "ui-field-behaviour": UI_FIELD_BEHAVIOUR,
                "conn-fields": CONNECTION_FIELDS,
            }
        ],
    }
