"""The plugin that Airflow loads in each of its processes: names and addresses, nothing heavy.

`run_page_app` answers requests. The first request imports it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowPlugin, conf

from airflow_provider_aimlapi.operators.links import MOUNT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Messages = MutableMapping[str, Any]

PLUGIN_NAME = "aimlapi"
TASK_QUERY = "dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}"
"""Airflow's pages fill it in."""


class RunPageApp:
    """The run page, imported at the first request. Schedulers and workers never import it."""

    async def __call__(
        self,
        scope: Messages,
        receive: Callable[[], Awaitable[Messages]],
        send: Callable[[Messages], Awaitable[None]],
    ) -> None:
        """Answer a request, as ASGI defines it."""
        await _load_application()(scope, receive, send)


@cache
def _load_application() -> Any:
    from airflow_provider_aimlapi.plugins.run_page_app import run_page_app

    return run_page_app()


# The addresses have no slash at their start, so that they follow the server's own base address.
TASK_TAB: dict[str, Any] = {
    "name": "AI/ML API run",
    "href": f"{MOUNT.lstrip('/')}/page?{TASK_QUERY}",
    "destination": "task_instance",
    "url_route": "aimlapi_run",
    "icon": f"{MOUNT.lstrip('/')}/files/icon.svg",
}
RUN_LIST: dict[str, Any] = {
    "name": "AI/ML API runs",
    "href": f"{MOUNT.lstrip('/')}/runs",
    "destination": "nav",
    "category": "browse",
    "url_route": "aimlapi_runs",
    "icon": f"{MOUNT.lstrip('/')}/files/icon.svg",
}


def shown_views() -> list[dict[str, Any]]:
    """Return the views that Airflow shows. It can show a tab on all task instances, or on none."""
    has_tab = conf.getboolean("aimlapi", "task_tab", fallback=True)
    return [TASK_TAB, RUN_LIST] if has_tab else [RUN_LIST]


class RunPagePlugin(AirflowPlugin):
    """A tab on each task instance, a page in the navigation, and the application behind both."""

    name: str | None = PLUGIN_NAME
    fastapi_apps: list[Any] = [  # noqa: RUF012  # as Airflow declares it
        {"app": RunPageApp(), "url_prefix": MOUNT, "name": "AI/ML API run page"}
    ]
    external_views: list[Any] = shown_views()
