"""Recognises a 400 for the role of the system text. It concerns all rows, so no row is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aimlapi.core.calls.dialect import DEFAULT_MODEL, model_of
from airflow_provider_aimlapi.errors import AccessRefused, ApiError, RequestRejected

if TYPE_CHECKING:
    from airflow_provider_aimlapi.answer import Answer

BAD_REQUEST = 400
_ROLE = b'"messages":[{"role":"system"'


class _RequestFields(msgspec.Struct):
    model: str


def with_role_refusal(error: ApiError, answer: Answer, request: bytes) -> ApiError:
    """Return the error, or an error for all rows if the API refuses the role of the system text.

    Such an error ends a run like any refusal: when a second row gets it and none is answered.
    """
    # The word alone proves nothing, because a row's text may contain it. But a second row must be
    # refused, too, before the run ends.
    is_about_role = (
        isinstance(error, RequestRejected)
        and error.status == BAD_REQUEST
        and _ROLE in request
        and b"role" in answer.body.lower()
    )
    if not is_about_role:
        return error
    model = msgspec.json.decode(request, type=_RequestFields).model
    return AccessRefused(
        f"HTTP 400: the API does not take the system text of {model} as a message.",
        remedy=f"Use model={' or '.join(map(repr, _with_field(model)))}, "
        f"which takes it in a field of its own, or move its text into the prompt.",
        in_full=error.in_full,
        status=error.status,
        request_id=error.request_id,
    )


def _with_field(model: str) -> list[str]:
    """Return ids with a field for the system text. The same model's id is among them if it has one."""
    dashed = model.replace(".", "-")
    known = model_of(dashed)
    has_field = known.is_listed and known.dialect.system == "field"
    return [DEFAULT_MODEL, *([dashed] if has_field else [])]
