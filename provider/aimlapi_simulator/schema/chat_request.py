"""Chat bodies, checked and reduced to the values that an answer depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from aimlapi_simulator.catalogue import Dialect, Model, spoken_by
from aimlapi_simulator.faults.kinds import NO_ENDPOINTS
from aimlapi_simulator.faults.script import Gateway
from aimlapi_simulator.schema.answer_schemas import schema_in
from aimlapi_simulator.schema.bodies import Native, decode_body, first_of, without_fields
from aimlapi_simulator.schema.content import Content, Mark, read_content
from aimlapi_simulator.schema.hints import explain_problem
from aimlapi_simulator.schema.parts import ThinkingOn
from aimlapi_simulator.schema.refusal import InvalidBody, wrong_body, wrong_value
from aimlapi_simulator.schema.superset import AsObject, AsSchema, SupersetBody
from aimlapi_simulator.schema.tools import Tool, forced_tool, parse_tools
from aimlapi_simulator.schema.vendor_rules import (
    check_forced_tool,
    check_prefill,
    check_sampling,
    check_thinking,
)

if TYPE_CHECKING:
    from aimlapi_simulator.schema.bodies import Body

_NAME_CHARACTERS_MAX = 100
_DEFAULT_MAX_TOKENS: dict[Dialect, int] = {"classic": 32_000, "closed": 32_000}
_ANY_OBJECT = {"properties": {"answer": {"type": "string"}}}
LIVE = Gateway()


class ChatRequest(msgspec.Struct, kw_only=True, gc=False):
    """The values that an answer depends on.

    Attributes:
        prompt: the user's text. Several messages or parts are joined by a line break.
        prompt_tokens: tokens of everything that was sent.
        is_thinking: whether the answer has reasoning, and is billed for it.
        is_reasoning_shown: whether the answer contains that reasoning.
        marks: the ends of the prefixes that may be cached.
        forced_tool: the tool that the answer must call, if any.
        answer_schema: the schema of the answer's JSON, in `response_format` or in the system text;
            None for any text.
    """

    model: Model
    dialect: Dialect
    requested_model: str
    system: str
    prompt: str
    prompt_tokens: int
    max_tokens: int
    stop_sequences: list[str]
    is_stream: bool = False
    is_thinking: bool = False
    is_reasoning_shown: bool = True
    marks: tuple[Mark, ...] = ()
    forced_tool: Tool | None = None
    answer_schema: dict[str, Any] | None = None


class _Peek(msgspec.Struct):
    model: str


class _Last:
    """The dialect of the last body, which is probably the dialect of the next one."""

    dialect: Dialect = "classic"


_last = _Last()
_peek = msgspec.json.Decoder(_Peek).decode


def parse_chat(body: bytes, gateway: Gateway = LIVE) -> ChatRequest:
    """Check a body against the dialect of the id that it names.

    Raises:
        InvalidBody: 400 with complaints, or 404 for an unknown model.
        RefusedByVendor: 400 in the words of the vendor behind the API.
    """
    # The order of the except clauses matters: a ValidationError is a DecodeError.
    if gateway.refuses and (refused := first_of(body, gateway.refuses)) is not None:
        raise wrong_value(refused, "no such field", "this field")
    if gateway.drops:
        body = without_fields(body, gateway.drops)
    try:
        decoded, (model, dialect) = _decode_as_last(body, gateway) or _decode_by_model(
            body, gateway
        )
    except msgspec.ValidationError as error:
        raise wrong_body(explain_problem(str(error), body)) from None
    except RecursionError:
        raise wrong_value("body", "JSON", "too many levels") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wrong_value("body", "JSON", str(error)) from None
    return _reduce_body(decoded, model, dialect)


def _decode_as_last(body: bytes, gateway: Gateway) -> tuple[Body, tuple[Model, Dialect]] | None:
    """Read a body in the dialect of the last one; return None if its dialect is another.

    This saves decoding the body for its model first.
    """
    try:
        decoded = decode_body(body, _last.dialect, is_strict=gateway.is_strict)
    except (msgspec.MsgspecError, RecursionError):
        return None
    spoken = find_model(decoded.model, gateway)
    return (decoded, spoken) if spoken[1] == _last.dialect else None


def _decode_by_model(body: bytes, gateway: Gateway) -> tuple[Body, tuple[Model, Dialect]]:
    model, dialect = find_model(_peek(body).model, gateway)
    _last.dialect = dialect
    return decode_body(body, dialect, is_strict=gateway.is_strict), (model, dialect)


def find_model(name: str, gateway: Gateway = LIVE) -> tuple[Model, Dialect]:
    """Return the model of an id and the dialect of that spelling.

    Raises:
        InvalidBody: 404, because the id is unknown or withdrawn.
    """
    spoken = spoken_by(name, is_older=gateway.documents == "older")
    if spoken is None or name in gateway.withdrawn:
        raise InvalidBody(f"{NO_ENDPOINTS} for {name[:_NAME_CHARACTERS_MAX]}.", status=404)
    return spoken


def _reduce_body(body: Body, model: Model, dialect: Dialect) -> ChatRequest:
    # The vendor's rules come after the schema, and its rule on tools last, because it depends on
    # whether the request thinks.
    max_tokens = _DEFAULT_MAX_TOKENS.get(dialect, model.output_tokens_max)
    if body.max_tokens is not msgspec.UNSET:
        max_tokens = int(body.max_tokens)
    check_prefill(model, body.messages)
    check_sampling(model, body)
    if dialect == "superset":
        request = _read_superset(cast("SupersetBody", body), model, max_tokens)
    else:
        request = _read_native(cast("Native", body), model, dialect, max_tokens)
    if body.tools:
        tool = request.forced_tool = _read_tools(body.tools, body.tool_choice)
        if tool is not None:
            check_forced_tool(model, is_thinking=request.is_thinking)
    if request.answer_schema is None and "JSON" in request.system:
        request.answer_schema = schema_in(request.system)
    return request


def _read_native(body: Native, model: Model, dialect: Dialect, max_tokens: int) -> ChatRequest:
    # `thinking` replaces the model's default. `reasoning_effort` replaces both.
    thinking, is_thinking, is_shown = body.thinking, model.is_thinking, True
    if thinking is not msgspec.UNSET:
        kind = str(thinking.__struct_config__.tag)
        if isinstance(thinking, ThinkingOn) and thinking.budget_tokens >= max_tokens:
            expected = f"less than max_tokens ({max_tokens})"
            raise wrong_value("thinking.budget_tokens", expected, str(thinking.budget_tokens))
        check_thinking(model, kind)
        is_thinking = kind != "disabled"
        is_shown = getattr(thinking, "display", "") != "omitted"
    effort = getattr(body, "reasoning_effort", msgspec.UNSET)
    if effort is not msgspec.UNSET:
        is_thinking = effort != "none"
    content = read_content(body.tools, body.system, body.messages)
    request = _make_request(body, model, dialect, max_tokens, content)
    request.stop_sequences = body.stop_sequences
    request.is_thinking, request.is_reasoning_shown = is_thinking, is_shown
    return request


def _read_superset(body: SupersetBody, model: Model, max_tokens: int) -> ChatRequest:
    content = read_content(body.tools, "", body.messages)
    request = _make_request(body, model, "superset", max_tokens, content)
    request.stop_sequences = [body.stop] if isinstance(body.stop, str) else body.stop
    # `reasoning` replaces `reasoning_effort`. Without either, the answer has no reasoning.
    effort, reasoning = body.reasoning_effort, body.reasoning
    if effort is not msgspec.UNSET:
        request.is_thinking = effort != "none"
    if reasoning is not msgspec.UNSET:
        request.is_thinking = reasoning.effort != "none"
        request.is_reasoning_shown = not reasoning.exclude
    if isinstance(body.response_format, AsSchema):
        request.answer_schema = body.response_format.json_schema.schema
    elif isinstance(body.response_format, AsObject):
        request.answer_schema = _ANY_OBJECT
    return request


def _make_request(
    body: Body, model: Model, dialect: Dialect, max_tokens: int, content: Content
) -> ChatRequest:
    # The fields whose names differ between the dialects are set by the caller.
    return ChatRequest(
        model=model,
        dialect=dialect,
        requested_model=body.model,
        system=content.system,
        prompt=content.prompt,
        prompt_tokens=content.tokens,
        max_tokens=max_tokens,
        stop_sequences=[],
        is_stream=body.stream,
        marks=content.marks,
    )


def _read_tools(tools: list[dict[str, Any]], choice: Any) -> Tool | None:
    try:
        known = parse_tools(tools)
    except msgspec.ValidationError as error:
        raise wrong_value("tools", str(error).replace("`", ""), "this tool") from None
    return forced_tool(known, choice)
