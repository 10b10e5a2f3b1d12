"""Bodies of new batches, checked against the published schema."""

from typing import Annotated, Any, Literal

import msgspec

from aimlapi_simulator.pricing import tokens_in
from aimlapi_simulator.schema.chat_request import ChatRequest, find_model
from aimlapi_simulator.schema.hints import explain_problem
from aimlapi_simulator.schema.native import ThinkingAdaptive, ThinkingOff
from aimlapi_simulator.schema.parts import ThinkingOn
from aimlapi_simulator.schema.refusal import wrong_body, wrong_value

REQUESTS_MAX = 100_000


class BatchMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One turn. Batches accept only text of the user."""

    role: Literal["user"]
    content: str


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request's parameters."""

    model: str
    messages: Annotated[list[BatchMessage], msgspec.Meta(min_length=1)]
    system: str = ""
    metadata: dict[str, str] = {}
    max_tokens: Annotated[float, msgspec.Meta(ge=1)] = 1024
    stop_sequences: list[str] = []
    temperature: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    top_k: float = 0
    top_p: float = 1.0
    tool_choice: Any = None
    tools: list[Any] = []
    thinking: ThinkingOn | ThinkingOff | ThinkingAdaptive | msgspec.UnsetType = msgspec.UNSET


class BatchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a batch."""

    custom_id: Annotated[str, msgspec.Meta(min_length=1)]
    params: Params


class BatchBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole body. The schema requires `model`, but the documented example has none."""

    requests: Annotated[list[BatchRequest], msgspec.Meta(min_length=1, max_length=REQUESTS_MAX)]
    model: str = ""


_decode = msgspec.json.Decoder(BatchBody).decode


def parse_batch(body: bytes) -> list[tuple[str, ChatRequest]]:
    """Parse the requests of a batch, with their custom ids.

    Raises:
        InvalidBody: 400 with a hint, or 404 for an unknown model.
    """
    # The schema, then the ids, then each request: one bad request refuses the whole batch.
    try:
        requests = _decode(body).requests
    except msgspec.ValidationError as error:
        raise wrong_body(explain_problem(str(error), body)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise wrong_value("body", "JSON", str(error)) from None
    seen: set[str] = set()
    for request in requests:
        if request.custom_id in seen:
            raise wrong_value("requests", "unique custom_id", request.custom_id)
        seen.add(request.custom_id)
    return [(request.custom_id, _chat_of(request.params)) for request in requests]


def _chat_of(params: Params) -> ChatRequest:
    prompt = "\n".join(message.content for message in params.messages)
    prompt_tokens = sum(tokens_in(message.content) for message in params.messages)
    if params.system:
        prompt_tokens += tokens_in(params.system)
    is_thinking = isinstance(params.thinking, ThinkingOn)
    # Reasoning counts as generated tokens, so that its budget must leave some for the answer.
    if (
        isinstance(params.thinking, ThinkingOn)
        and params.thinking.budget_tokens >= params.max_tokens
    ):
        budget = str(params.thinking.budget_tokens)
        raise wrong_value("thinking.budget_tokens", "less than max_tokens", budget)
    model, dialect = find_model(params.model)
    return ChatRequest(
        model=model,
        dialect=dialect,
        requested_model=params.model,
        system=params.system,
        prompt=prompt,
        prompt_tokens=prompt_tokens,
        max_tokens=int(params.max_tokens),
        stop_sequences=params.stop_sequences,
        is_thinking=is_thinking,
    )
