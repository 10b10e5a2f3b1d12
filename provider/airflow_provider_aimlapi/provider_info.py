"""What Airflow reads about this package at every start: no more than literals, so it imports nothing.

`connection-types` draws the Add Connection form in Airflow 3.2 and later; older ones ask the
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
            f"For each task that uses this connection; the task's own {argument} holds when it is "
            f"lower. Empty: no limit of the connection's."
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
            "http://host:port, or http://user:password@host:port. Empty: as HTTPS_PROXY and NO_PROXY "
            "in the worker's environment say. none: no proxy, whatever they say."
        ),
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "ca_file": {
        "label": "CA file",
        "description": (
            "A PEM file on the workers, with the certificate authorities to trust instead of the usual "
            "ones. Empty: as SSL_CERT_FILE or REQUESTS_CA_BUNDLE in the worker's environment say."
        ),
        "schema": {"type": ["string", "null"]},
    },
}
"""`password` hides the proxy in the form: its URL may hold credentials."""

CONNECTION_FIELDS: dict[str, dict[str, object]] = {**LIMIT_FIELDS, **ROUTE_FIELDS}
"""What a connection's extra may hold: the form's own fields, by their names there."""


CONFIG: dict[str, object] = {
    "aimlapi": {
        "description": "Settings of the AI/ML API provider.",
        "options": {
            "allowed_schemes": {
                "description": (
                    "Schemes that input_path and output_path may have besides s3, s3a, gs, gcs, "
                    "abfs, abfss, az and file, separated by commas. Each opens another of "
                    "fsspec's file systems to everyone who may choose a path. The command "
                    "line reads the same environment variable."
                ),
                "version_added": "0.1.0",
                "type": "string",
                "example": "ftp, sftp",
                "default": "",
            }
        },
    }
}
"""Settings of a deployment. Airflow lists them in its own reference."""


def get_provider_info() -> dict[str, object]:
    """The provider's metadata, as Airflow's `provider_info.schema.json` has it."""
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
