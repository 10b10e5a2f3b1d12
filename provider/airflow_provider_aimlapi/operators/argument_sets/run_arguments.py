"""The arguments of `Settings`: how each is read, with the lower limits of the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from airflow_provider_aimlapi.core.texts.setting_ranges import Caching
from airflow_provider_aimlapi.operators import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aimlapi.engine.settings import Settings
    from airflow_provider_aimlapi.hooks.aimlapi import AIMLAPIHook


def _read_cache_prompt(name: str, value: object) -> Caching:
    return arguments.read_word(name, value, get_args(Caching))


RUN_READERS: Mapping[str, Any] = {
    "max_concurrency": arguments.read_whole_number,
    "requests_per_minute": arguments.read_optional_whole_number,
    "tokens_per_minute": arguments.read_optional_whole_number,
    "max_attempts": arguments.read_whole_number,
    "request_timeout_s": arguments.read_number,
    "stall_timeout_s": arguments.read_number,
    "max_cost_usd": arguments.read_optional_number,
    "max_rejected_rows": arguments.read_row_limit,
    "max_truncated_rows": arguments.read_row_limit,
    "retry_rejected": arguments.read_flag,
    "check_arrival": arguments.read_flag,
    "cache_prompt": _read_cache_prompt,
}
"""The function that reads each argument, called with the argument's name and value."""


def settings_of(operator: object, hook: AIMLAPIHook, *, starts_with_probe: bool) -> Settings:
    """Return the settings of a run.

    Raises:
        InvalidSpec: an argument is wrong, or outside of its range.
        ConnectionIncomplete: the connection does not exist, or one of its limits is wrong.
    """
    from airflow_provider_aimlapi.engine.settings import Settings

    values = {name: read(name, getattr(operator, name)) for name, read in RUN_READERS.items()}
    # The lower limit applies: the connection's is about the key, which other tasks use as well.
    of_connection = {
        "max_concurrency": hook.max_concurrency,
        "requests_per_minute": hook.limit("requests_per_minute"),
        "tokens_per_minute": hook.limit("tokens_per_minute"),
    }
    for name, limit in of_connection.items():
        limits = [one for one in (values[name], limit) if one is not None]
        values[name] = min(limits, default=None)
    return Settings(**values, starts_with_probe=starts_with_probe)
