"""The list of models and the list of deprecations: two requests that cost nothing.

The form of the list of deprecations is not documented. So an entry is found by a model's id,
wherever the id occurs in the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from airflow_provider_aimlapi.api.http.exchange import exchange
from airflow_provider_aimlapi.api.http.request_headers import headers_for
from airflow_provider_aimlapi.api.messages.error_answers import error_of
from airflow_provider_aimlapi.api.messages.json_values import (
    JsonObject,
    Unreadable,
    as_list,
    as_object,
    as_text,
    decode_json,
)
from airflow_provider_aimlapi.api.messages.key_removal import KeyRemoval
from airflow_provider_aimlapi.core.calls.model_names import CHARACTERS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

MODELS_PATH = "/v1/models"
DEPRECATIONS_PATH = "/v1/models/deprecations"
_TIMEOUT_S = 10.0
_NAMES = ("id", "model", "name", "aliases")


async def fetch_replacement(
    endpoint: Endpoint, transport: httpx.AsyncBaseTransport, model: str
) -> str | None:
    """Return the model that replaces a deprecated one, unchecked; None if it is not deprecated.

    Raises:
        ApiError: the API did not return the list.
    """
    spellings = _spellings_of_model(model)
    for key, entry in _objects_with_keys(await _fetch_list(endpoint, transport, DEPRECATIONS_PATH)):
        if spellings & {key, *_texts_in(entry, _NAMES)}:
            new = next(_texts_in(entry, ("replaced_by", "replacedBy")), None)
            if new is not None and new not in spellings:
                return new
    return None


async def fetch_model_ids(
    endpoint: Endpoint, transport: httpx.AsyncBaseTransport
) -> frozenset[str]:
    """Return all ids and aliases of the list of models, unchecked.

    Raises:
        ApiError: the API did not return the list.
    """
    payload = as_object(await _fetch_list(endpoint, transport, MODELS_PATH))
    entries = map(as_object, as_list(payload.get("data")))
    return frozenset(name for entry in entries for name in _texts_in(entry, ("id", "aliases")))


async def _fetch_list(endpoint: Endpoint, transport: httpx.AsyncBaseTransport, path: str) -> object:
    answer = await exchange(
        transport,
        httpx.Request("GET", httpx.URL(endpoint.url_of_path(path)), headers=headers_for(endpoint)),
        timeout_s=_TIMEOUT_S,
        key_removal=KeyRemoval(endpoint.key),
    )
    if not answer.is_success:
        raise error_of(answer)
    try:
        return decode_json(answer.body)
    except Unreadable:
        return None


def _objects_with_keys(payload: object) -> Iterator[tuple[str, JsonObject]]:
    """Yield each object in a payload with the key that holds it; "" in a list."""
    waiting: list[tuple[str, object]] = [("", payload)]
    while waiting:
        key, value = waiting.pop()
        waiting += [("", inner) for inner in as_list(value)]
        entry = as_object(value)
        waiting += entry.items()
        if entry:
            yield key, entry


def _texts_in(entry: JsonObject, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the values of these keys: texts, lists of texts, or the ids of objects."""
    for name in names:
        value = entry.get(name)
        for one in (value, *as_list(value)):
            found = as_text(one) or as_text(as_object(one).get("id"))
            if 0 < len(found) <= CHARACTERS_MAX:
                yield found


def _spellings_of_model(model: str) -> frozenset[str]:
    """Return a model's id with and without its vendor."""
    vendor, _, stem = model.rpartition("/")
    return frozenset({model, stem, f"{vendor or 'anthropic'}/{stem}"})
