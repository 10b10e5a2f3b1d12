"""The table of the kinds of faults, and their effects on an answer."""

from typing import Literal, get_args

import msgspec

Body = Literal[
    "answer",
    "envelope",
    "html",
    "empty",
    "invalid-json",
    "bomb",
    "raw",
]
Twist = Literal[
    "none",
    "null-content",
    "no-choices",
    "refusal",
    "truncated",
    "broken-tool-call",
    "typed-fences",
    "typed-prose",
    "typed-as-text",
    "typed-trailing-comma",
    "typed-wrong-type",
    "typed-missing-field",
    "typed-extra-field",
    "typed-enum-case",
    "typed-number-as-text",
    "typed-cut",
    "typed-duplicate-key",
    "typed-nan",
    "typed-nesting",
    "typed-not-json",
    "typed-two",
    "typed-empty",
    "typed-beside",
]
"""The changes to an answer. Those of typed answers are in `model.typed_answers`."""
Delivery = Literal["whole", "drop", "cut", "drip", "stop-early"]
TextForm = Literal["excerpt", "sentence"]
CostForm = Literal["both", "header", "meta", "credits", "nowhere"]


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """The effect on one request: status, body, cost and delivery.

    Attributes:
        status: HTTP status of the answer.
        message: text of the error envelope.
        is_detailed: whether the reason is in the envelope's details, if the envelope has details.
        body: content of the body.
        twist: a change to an answer that is otherwise good.
        cost: where the answer reports its cost; None leaves that to the script's forms.
        delivery: `drop` closes before the first byte, `cut` in the middle of the body, `drip` sends
            piece after piece, `stop-early` ends a stream cleanly before its late chunks.
        is_billed: whether the call is charged. A gateway's page instead of an answer is not.
        is_at_once: whether it is refused without the latency of a generation.
        is_gzipped: whether the body is compressed, if the client accepts gzip.
        encoding: the content encoding that the header claims, whatever the client accepts.
        extra_delay_s: seconds in addition to the usual latency.
        location: target of a redirect.
    """

    status: int = 200
    message: str = ""
    is_detailed: bool = False
    body: Body = "answer"
    twist: Twist = "none"
    cost: CostForm | None = None
    delivery: Delivery = "whole"
    is_billed: bool = False
    is_at_once: bool = False
    is_gzipped: bool = False
    encoding: str = ""
    extra_delay_s: float = 0.0
    location: str = ""


def _refusal_effect(status: int, message: str, *, is_at_once: bool = False) -> Effect:
    return Effect(status=status, message=message, body="envelope", is_at_once=is_at_once)


TOO_MANY_REQUESTS = "Too Many Requests"
NO_CREDIT = (
    "You've run out of credits. Please top up your balance or update your payment method to "
    "continue: https://aimlapi.com/app/billing/"
)
KEY_LIMIT_REACHED = (
    "This API key has reached its spending limit. Raise the limit or wait until it resets."
)
BAD_KEY = (
    "This request requires a valid API key. You can create one here: https://aimlapi.com/app/keys"
)
NO_ENDPOINTS = "No endpoints found"

PLAIN = Effect(is_billed=True)

EFFECTS: dict[str, Effect] = {
    # Refusals, none of them billed.
    "400": _refusal_effect(400, "Body validation error! messages: Expected other, Received this"),
    "400-details": Effect(
        status=400,
        message="Body validation error! Path: messages[0].content. Expected: other. Received: this.",
        is_detailed=True,
        body="envelope",
    ),
    "400-vendor": _refusal_effect(
        400,
        '400 {"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: '
        '200001 tokens > 200000 maximum"}}',
    ),
    "401": _refusal_effect(401, BAD_KEY, is_at_once=True),
    "403": _refusal_effect(403, NO_CREDIT, is_at_once=True),
    "403-key-limit": _refusal_effect(403, KEY_LIMIT_REACHED, is_at_once=True),
    "404": _refusal_effect(404, f"{NO_ENDPOINTS}.", is_at_once=True),
    "422": _refusal_effect(422, "Unprocessable Entity"),
    "429": _refusal_effect(429, TOO_MANY_REQUESTS, is_at_once=True),
    "429-free-tier": _refusal_effect(
        429,
        "Free-tier limit: You've reached your free limit for the hour. Get AI/ML API Subscription.",
        is_at_once=True,
    ),
    "500": _refusal_effect(500, "Internal server error"),
    "500-something-wrong": _refusal_effect(
        500, "Something wrong with the server. Please, try again later."
    ),
    "500-maintenance": _refusal_effect(
        500, "The model is under maintenance, please try again later."
    ),
    "502": _refusal_effect(502, "Bad Gateway"),
    "503": _refusal_effect(503, "Service unavailable"),
    "504": _refusal_effect(504, "Generation timeout"),
    "502-html": Effect(status=502, body="html"),
    "503-empty": Effect(status=503, body="empty"),
    "307": Effect(status=307, body="empty", location="/v1/elsewhere", is_at_once=True),
    # Connections that break.
    "disconnect-unbilled": Effect(delivery="drop"),
    "disconnect-billed": Effect(delivery="drop", is_billed=True),
    "disconnect-mid-body": Effect(delivery="cut", is_billed=True),
    "stream-stops-early": Effect(delivery="stop-early", is_billed=True),
    "slow": Effect(extra_delay_s=30.0, is_billed=True),
    "drip": Effect(delivery="drip", is_billed=True),
    # Status 2xx without a good answer. A gateway's page is not billed.
    "html-200": Effect(body="html"),
    "empty-200": Effect(body="empty"),
    "null-content": Effect(twist="null-content", is_billed=True),
    "no-choices": Effect(twist="no-choices", is_billed=True),
    "refusal": Effect(twist="refusal", is_billed=True),
    "truncated": Effect(twist="truncated", is_billed=True),
    "broken-tool-call": Effect(twist="broken-tool-call", is_billed=True),
    "invalid-json": Effect(body="invalid-json", is_billed=True),
    "gzip": Effect(is_gzipped=True, is_billed=True),
    "gzip-bomb": Effect(body="bomb", is_gzipped=True, is_billed=True),
    "brotli-unasked": Effect(encoding="br", is_billed=True),
    "201": Effect(status=201, is_billed=True),
    "cost-in-header": Effect(cost="header", is_billed=True),
    "cost-in-meta": Effect(cost="meta", is_billed=True),
    "cost-in-credits": Effect(cost="credits", is_billed=True),
    "cost-nowhere": Effect(cost="nowhere", is_billed=True),
    # Typed answers: with text around them or beside them, or with a fault in them.
    **{
        twist: Effect(twist=twist, is_billed=True)
        for twist in get_args(Twist)
        if twist.startswith("typed-")
    },
    # Status, content type and body as the script has them.
    "raw": Effect(body="raw"),
}
