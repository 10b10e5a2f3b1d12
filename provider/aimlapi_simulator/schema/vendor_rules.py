"""The rules by which the vendor refuses a body that fits the API's schema, one function each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from aimlapi_simulator.schema.refusal import RefusedByVendor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimlapi_simulator.catalogue import Model
    from aimlapi_simulator.schema.bodies import Body

PREFILL = (
    "This model does not support assistant message prefill. The conversation must end with a user "
    "message."
)
FORCED_WHILE_THINKING = "Thinking may not be enabled when tool_choice forces tool use."
FORCED = "tool_choice: forcing tool use is not supported by this model."
_SAMPLING = ("temperature", "top_p", "top_k")


def check_prefill(model: Model, messages: Sequence[object]) -> None:
    """Refuse a conversation that ends with the assistant, if the model cannot continue it.

    Raises:
        RefusedByVendor: by this and all other functions here.
    """
    if not model.has_prefill and getattr(messages[-1], "role", "") == "assistant":
        raise RefusedByVendor(PREFILL)


def check_sampling(model: Model, body: Body) -> None:
    """Refuse sampling parameters for a model that takes none."""
    if model.has_sampling:
        return
    for name in _SAMPLING:
        if getattr(body, name, msgspec.UNSET) is not msgspec.UNSET:
            raise RefusedByVendor(f"{name}: this parameter is not supported by this model.")


def check_thinking(model: Model, kind: str) -> None:
    """Refuse a kind of `thinking` that the model does not know."""
    if kind not in model.thinking:
        raise RefusedByVendor(
            f"thinking.type: '{kind}' is not supported by this model. Supported: "
            f"{', '.join(sorted(model.thinking))}."
        )


def check_forced_tool(model: Model, *, is_thinking: bool) -> None:
    """Refuse a forced tool if the model takes none, or if the request thinks."""
    if not model.has_forced_tools:
        raise RefusedByVendor(FORCED)
    if is_thinking:
        raise RefusedByVendor(FORCED_WHILE_THINKING)
