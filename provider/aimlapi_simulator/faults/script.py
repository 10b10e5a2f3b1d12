"""What the simulator is told to do, as frozen values; nothing here acts or keeps count.

A script is parsed from JSON (unknown names are errors) or built in Python, and may be
replaced while the simulator runs.
"""

from typing import Any, Literal

import msgspec

from aimlapi_simulator.faults.kinds import EFFECTS, CostForm

Retention = Literal["no_reset", "day", "week", "month"]


class ScriptError(ValueError):
    """The script asks for something that does not exist; nothing was changed."""


def _require(is_so: bool, sentence: str) -> None:  # noqa: FBT001 - a guard reads best this way
    if not is_so:
        raise ScriptError(sentence)


class _Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value that refuses unknown names when it is read from JSON."""


class Latency(_Value, frozen=True, kw_only=True):
    """Time from request to answer: lognormal about a median, constant if sigma is 0."""

    median_s: float = 0.0
    sigma: float = 0.0

    def __post_init__(self) -> None:
        _require(self.median_s >= 0, "latency.median_s must be 0 or more")
        _require(self.sigma >= 0, "latency.sigma must be 0 or more")


class Limits(_Value, frozen=True, kw_only=True):
    """What is answered with 429; None means no limit.

    Attributes:
        max_concurrent: Calls in flight.
        rps: Calls a second, a token bucket of size `burst` (if None: one second's worth).
        per_minute: Calls in a fixed window of a minute, counted from the full minute.
        tokens_per_minute: Prompt tokens (at admission) plus the answer's (when it is done), same window.
        is_queueing: A call over `max_concurrent` waits for a slot in silence instead of a 429.
        retry_after_s: Sent as Retry-After on a 429. The real API never does.
    """

    max_concurrent: int | None = None
    rps: float | None = None
    burst: float | None = None
    per_minute: int | None = None
    tokens_per_minute: int | None = None
    is_queueing: bool = False
    retry_after_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_concurrent", "rps", "burst", "per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            _require(value is None or value > 0, f"limits.{name} must be more than 0")


class Fault(_Value, frozen=True, kw_only=True):
    """Which requests meet which kind of fault.

    Attributes:
        kind: A key of `faults.EFFECTS`.
        share: Part of the matching requests that is struck, 0 to 1. Which ones depends on the seed,
            the prompt and how often that prompt was seen; never on the order of arrival.
        path: Strikes only requests for this path. At other paths than the default, `contains` does not
            match, and a billed kind lets the request take effect before the answer is spoiled.
        contains: Strikes only prompts that contain this text.
        after: The first `after` matching requests are spared.
        times: The next `times` matching requests are struck, then no more; None: no end.
        per_prompt: `after` and `times` count each distinct prompt by itself.
        delay_s: In place of the kind's own delay: added to the latency (for a refusal at the door: all of it).
        drip_s: Seconds between two pieces of a `drip`.
        drip_bytes: Size of a piece of a `drip`.
        retry_after_s: Sent as Retry-After. The real API never does.
        is_billed: In place of the kind's own rule.
        status, content_type, body: The answer of a `raw` fault.
    """

    kind: str
    share: float = 1.0
    path: str = "/v1/chat/completions"
    contains: str = ""
    after: int = 0
    times: int | None = None
    per_prompt: bool = False
    delay_s: float | None = None
    drip_s: float = 1.0
    drip_bytes: int = 1
    retry_after_s: float | None = None
    is_billed: bool | None = None
    status: int = 200
    content_type: str = "application/json"
    body: str = ""

    def __post_init__(self) -> None:
        _require(self.kind in EFFECTS, f"no fault {self.kind!r}; there are: {', '.join(EFFECTS)}")
        _require(0 <= self.share <= 1, f"share of fault {self.kind} must be between 0 and 1")
        _require(self.after >= 0, f"after of fault {self.kind} must be 0 or more")
        _require(self.drip_bytes > 0, f"drip_bytes of fault {self.kind} must be 1 or more")
        _require("\r" not in self.content_type and "\n" not in self.content_type, "content_type")


class Forms(_Value, frozen=True, kw_only=True):
    """Which of the forms that are in the wild an answer takes; `seeded` mixes them by request.

    Attributes:
        envelope: Of errors: documented (`legacy`) or as probed live (`problem`).
        finish_reasons: Vocabulary; `model` follows the dialect of the model's id.
        cost: Where a completion tells its price.
        vendor_errors: What the vendor behind the API refuses: as a text with its JSON, or its sentence.
        content: The text of an answer as a string, or as a list of parts.
        tool_content: The text beside a tool's call: empty, or null.
        cached_tokens: Whether `prompt_tokens` includes cached and written ones.
        reasoning_tokens: Whether `completion_tokens` includes them.
        prices: How the price list names its units: by `origin`, as the live one, or by `measure`.
        batch_running: GET of a running batch: `{"id", "status": "generating"}` or the batch object.
        batch_results: JSON lines or a JSON array.
        batch_canceled: Answer to a cancellation: the batch object, or the published schema's object.
    """

    envelope: Literal["legacy", "problem", "seeded"] = "problem"
    finish_reasons: Literal["anthropic", "openai", "model", "seeded"] = "model"
    cost: CostForm | Literal["seeded"] = "both"
    vendor_errors: Literal["json", "plain", "seeded"] = "json"
    content: Literal["text", "parts", "seeded"] = "text"
    tool_content: Literal["empty", "null", "seeded"] = "empty"
    cached_tokens: Literal["included", "beside"] = "included"
    reasoning_tokens: Literal["included", "beside"] = "included"
    prices: Literal["origin", "measure"] = "origin"
    batch_running: Literal["status", "batch", "seeded"] = "batch"
    batch_results: Literal["lines", "array", "seeded"] = "lines"
    batch_canceled: Literal["batch", "status", "seeded"] = "batch"


class Gateway(_Value, frozen=True, kw_only=True):
    """What the API does with a body before a model reads it.

    Attributes:
        documents: Which documents are right: `live` (the spelling of an id decides), or `older`
            (Sonnet 4.6 and 4.5 take `system` and closed parts, however they are spelled).
        is_strict: A top-level field that the dialect lacks is answered with 400 instead of dropped.
        drops: Top-level fields that are thrown away although the dialect has them.
        withdrawn: Ids that are answered with 404, and what replaces each.
    """

    documents: Literal["live", "older"] = "live"
    is_strict: bool = False
    drops: tuple[str, ...] = ()
    withdrawn: dict[str, str] = {}


class Cache(_Value, frozen=True, kw_only=True):
    """How the prompt cache takes `cache_control`.

    Attributes:
        marks: `refused` answers a mark with 400; `ignored` takes it and caches nothing.
        miss_share: Part of the reads that find nothing although it is there.
    """

    marks: Literal["accepted", "ignored", "refused"] = "accepted"
    miss_share: float = 0.0

    def __post_init__(self) -> None:
        _require(0 <= self.miss_share <= 1, "cache.miss_share must be between 0 and 1")


class Account(_Value, frozen=True, kw_only=True):
    """Who may call, and with how much money.

    Attributes:
        key: The one valid key; empty: every key is valid.
        balance_usd: Everything ever paid in; what was spent is taken off.
        key_limit_usd: Threshold of the key in each period of `key_limit_retention`.
    """

    key: str = ""
    balance_usd: float = 10_000.0
    key_limit_usd: float | None = None
    key_limit_retention: Retention = "month"
    is_key_disabled: bool = False

    def __repr__(self) -> str:
        return f"Account(balance_usd={self.balance_usd}, key_limit_usd={self.key_limit_usd})"


class BatchPlan(_Value, frozen=True, kw_only=True):
    """How batches go: how long they take, and the share that ends in another way than success."""

    duration_s: float = 60.0
    errored_share: float = 0.0
    expired_share: float = 0.0


class Script(_Value, frozen=True, kw_only=True):
    """Everything that a simulator can be told.

    Attributes:
        seed: Of latencies, shares of faults and seeded forms.
        ledger_delay_s: A row of logs and transactions appears this long after the answer.
        stream_interval_s: Seconds between two events of a stream; 0: all at once.
    """

    seed: int = 0
    latency: Latency = Latency()
    limits: Limits = Limits()
    faults: tuple[Fault, ...] = ()
    forms: Forms = Forms()
    gateway: Gateway = Gateway()
    cache: Cache = Cache()
    account: Account = Account()
    batches: BatchPlan = BatchPlan()
    ledger_delay_s: float = 2.0
    stream_interval_s: float = 0.0


def parse_script(source: bytes | str) -> Script:
    """Read a whole script from JSON.

    Raises:
        ScriptError: Not JSON, an unknown name, or a value out of range.
    """
    try:
        return msgspec.json.decode(source, type=Script)
    except msgspec.MsgspecError as error:
        raise ScriptError(str(error)) from error


def amend_script(script: Script, source: bytes) -> Script:
    """Change only what a JSON object names; objects are merged, everything else is replaced.

    Raises:
        ScriptError: As in `parse_script`.
    """
    try:
        changes = msgspec.json.decode(source, type=dict[str, Any])
        merged = _merge(msgspec.to_builtins(script), changes)
        return msgspec.convert(merged, Script)
    except msgspec.MsgspecError as error:
        raise ScriptError(str(error)) from error


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = _merge(old, value)
        else:
            merged[name] = value
    return merged
