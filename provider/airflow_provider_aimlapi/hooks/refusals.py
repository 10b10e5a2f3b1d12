"""Finds out by free calls why the API refuses a key or a model. Spends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aimlapi.core.calls.model_names import is_model_id, nearest_model_id
from airflow_provider_aimlapi.core.texts.wording import format_amount
from airflow_provider_aimlapi.errors import AccessRefused, AimlapiError, SpendingLimitReached
from airflow_provider_aimlapi.hooks.free_questions import ask_about_model, ask_account

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aimlapi.core.calls.endpoint import Endpoint

E = TypeVar("E", bound=AimlapiError)

ABOUT_MONEY = frozenset({402, 403})
"""The statuses that missing credit, a key's limit, a missing scope and a disabled key share."""
NOT_FOUND = 404


def explain_refusal(error: E, endpoint: Callable[[], Endpoint], model: str) -> E | AccessRefused:
    """Return the error, or one that names its cause, if free calls show the cause.

    Args:
        endpoint: returns the API's endpoint. Called only if the cause may be money or the model.
        model: the id that was sent.
    """
    if not isinstance(error, AccessRefused):
        return error
    try:
        if error.status in ABOUT_MONEY:
            return _about_money(error, endpoint()) or error
        if error.status == NOT_FOUND:
            return _about_model(error, endpoint(), model) or error
    except AimlapiError:
        pass  # the refusal's own text lists every possible cause
    return error


def _about_money(error: AccessRefused, endpoint: Endpoint) -> SpendingLimitReached | None:
    """Return the error for a key's daily limit; None if the limit is not the cause."""
    account = ask_account(endpoint)
    if account.limit_usd is None or not account.explains_refusal_until_midnight:
        return None
    return SpendingLimitReached(
        f"HTTP {error.status}: the key has used up its limit of {format_amount(account.limit_usd)} a "
        f"day, which resets at 00:00 UTC. Paid answers are kept, and a try after that continues. "
        f"Or raise the limit at https://aimlapi.com/app/keys.",
        status=error.status,
        request_id=error.request_id,
    )


def _about_model(error: AccessRefused, endpoint: Endpoint, model: str) -> AccessRefused | None:
    """Return the refusal with the model's replacement or a similar id; None if the model is listed."""
    facts = ask_about_model(endpoint, model)
    if facts.replacement is not None:
        remedy = _name_replacement(model, facts.replacement)
    elif not facts.known or model in facts.known:
        return None  # the list does not explain the refusal, whose own text names other causes
    else:
        remedy = _name_nearest(model, nearest_model_id(model, facts.known))
    return AccessRefused(
        error.refusal,
        remedy=remedy,
        in_full=error.in_full,
        status=error.status,
        request_id=error.request_id,
    )


def _name_replacement(model: str, new: str) -> str:
    if is_model_id(new, model):
        return f"The API deprecated the model {model}, and {new} replaces it: set model={new!r}."
    return (
        f"The API deprecated the model {model}. GET /v1/models/deprecations names its replacement: "
        f"set model to that."
    )


def _name_nearest(model: str, nearest: str | None) -> str:
    text = f"The API's list of models, GET /v1/models, has no {model}."
    return (
        f"{text} Did you mean {nearest}?" if nearest else f"{text} Set model to an id of that list."
    )
