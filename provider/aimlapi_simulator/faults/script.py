"""The script of a simulator, as frozen values.

A script is parsed from JSON, where unknown names are errors, or built in Python. It can be replaced
while the simulator runs.
"""

from typing import Any, Literal

import msgspec

from aimlapi_simulator.faults.kinds import EFFECTS, CostForm, TextForm

Retention = Literal["no_reset", "day", "week", "month"]


class ScriptError(ValueError):
    """The script is wrong. Nothing was changed."""


def _require_valid(is_so: bool, sentence: str) -> None:  # noqa: FBT001 - a guard reads best this way
    if not is_so:
        raise ScriptError(sentence)


class _Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value that refuses unknown names when it is read from JSON."""


class Latency(_Value, frozen=True, kw_only=True):
    """Time from request to answer: lognormal around a median, constant if sigma is 0."""

    median_s: float = 0.0
    sigma: float = 0.0

    def __post_init__(self) -> None:
        _require_valid(self.median_s >= 0, "latency.median_s must be 0 or more")
        _require_valid(self.sigma >= 0, "latency.sigma must be 0 or more")


class Limits(_Value, frozen=True, kw_only=True):
    """The limits. A call beyond one is answered with 429. None means no limit.

    Attributes:
        max_concurrent: calls in flight.
        rps: calls per second, as a token bucket.
        burst: size of the bucket; None means the calls of one second.
        per_minute: calls in a fixed window of a minute, which starts at the full minute.
        tokens_per_minute: tokens in the same window. The prompt counts at admission, the answer when
            it is finished.
        upstreams: how many upstreams there are. Each has the limits above for itself, and a call
            comes to one of them at random.
        is_queueing: whether a call over `max_concurrent` waits for a slot instead of a 429.
        retry_after_s: sent as Retry-After with a 429. The real API never sends it.
    """

    max_concurrent: int | None = None
    rps: float | None = None
    burst: float | None = None
    per_minute: int | None = None
    tokens_per_minute: int | None = None
    upstreams: int = 1
    is_queueing: bool = False
    retry_after_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_concurrent", "rps", "burst", "per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            _require_valid(value is None or value > 0, f"limits.{name} must be more than 0")
        _require_valid(self.upstreams > 0, "limits.upstreams must be 1 or more")
        is_one = self.upstreams == 1 or not self.is_queueing
        _require_valid(is_one, "limits.is_queueing needs limits.upstreams to be 1")


class Fault(_Value, frozen=True, kw_only=True):
    """A fault, and the requests that it strikes.

    Attributes:
        kind: a key of `faults.kinds.EFFECTS`.
        share: fraction of the matching requests that is struck, 0 to 1. The choice depends on the
            seed, the prompt and how often that prompt was seen. It does not depend on the order of
            arrival.
        path: the only path that is struck. At another path than the default, `contains` and
            `longer_than` do not match, and a billed kind lets the request take effect before the answer is spoiled.
        contains: strikes only prompts that contain this text.
        longer_than: strikes only prompts of more characters than this.
        after: spares the first `after` matching requests.
        times: strikes the next `times` matching requests, then no more; None means all.
        per_prompt: whether `after` and `times` count each distinct prompt separately.
        delay_s: replaces the kind's own delay, which is added to the latency. A refusal at once has
            no latency but this one.
        drip_s: seconds between two pieces of a `drip`.
        drip_bytes: size of a piece of a `drip`.
        retry_after_s: sent as Retry-After. The real API never sends it.
        is_billed: replaces the kind's own rule.
        status: status of a `raw` fault.
        content_type: content type of a `raw` fault.
        body: body of a `raw` fault.
    """

    kind: str
    share: float = 1.0
    path: str = "/v1/chat/completions"
    contains: str = ""
    longer_than: int = 0
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
        _require_valid(
            self.kind in EFFECTS, f"no fault {self.kind!r}; there are: {', '.join(EFFECTS)}"
        )
        _require_valid(0 <= self.share <= 1, f"share of fault {self.kind} must be between 0 and 1")
        _require_valid(self.after >= 0, f"after of fault {self.kind} must be 0 or more")
        _require_valid(self.drip_bytes > 0, f"drip_bytes of fault {self.kind} must be 1 or more")
        _require_valid(
            "\r" not in self.content_type and "\n" not in self.content_type, "content_type"
        )


class Forms(_Value, frozen=True, kw_only=True):
    """The forms of answers, because the API uses several. `seeded` chooses one per request.

    Attributes:
        envelope: form of errors: as documented (`legacy`), or as the live API sends them (`problem`).
        finish_reasons: words for the reason to finish; `model` follows the dialect of the model's id.
        cost: where a completion reports its cost.
        vendor_errors: how errors of the vendor behind the API come: as a text with JSON in it, or as
            a plain sentence.
        text: what an answer says: the prompt's leading sentences and a fingerprint (`excerpt`), or a
            `sentence` of its own.
        content: the text of an answer: a string, or a list of parts.
        tool_content: the text beside a tool call: empty, or null.
        cached_tokens: whether `prompt_tokens` includes the tokens read from and written to the cache.
        reasoning_tokens: whether `completion_tokens` includes the reasoning.
        prices: names of the price list's units: by `origin`, as the live API, or by `measure`.
        batch_running: GET of a running batch: `{"id", "status": "generating"}` or the batch object.
        batch_results: JSON lines or a JSON array.
        batch_canceled: answer to a cancellation: the batch object, or the published schema's object.
    """

    envelope: Literal["legacy", "problem", "seeded"] = "problem"
    finish_reasons: Literal["anthropic", "openai", "model", "seeded"] = "model"
    cost: CostForm | Literal["seeded"] = "both"
    vendor_errors: Literal["json", "plain", "seeded"] = "json"
    text: TextForm = "excerpt"
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
        documents: the documents that define the dialects: `live` (the spelling of an id decides), or
            `older` (Sonnet 4.6 and 4.5 take `system` and closed parts, in any spelling).
        is_strict: whether a top-level field outside the dialect is answered with 400. Otherwise it is
            ignored.
        drops: top-level fields that are ignored although the dialect has them.
        refuses: top-level fields that are answered with 400 although the dialect has them.
        withdrawn: ids that are answered with 404, and the replacement of each.
    """

    documents: Literal["live", "older"] = "live"
    is_strict: bool = False
    drops: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    withdrawn: dict[str, str] = {}


class Cache(_Value, frozen=True, kw_only=True):
    """How the prompt cache treats `cache_control`.

    Attributes:
        marks: `refused` answers a mark with 400. `ignored` accepts it and caches nothing.
        miss_share: fraction of the reads that miss although the entry exists.
    """

    marks: Literal["accepted", "ignored", "refused"] = "accepted"
    miss_share: float = 0.0

    def __post_init__(self) -> None:
        _require_valid(0 <= self.miss_share <= 1, "cache.miss_share must be between 0 and 1")


class Account(_Value, frozen=True, kw_only=True):
    """The account: its key and its money.

    Attributes:
        key: the one valid key. If it is empty, every key is valid.
        balance_usd: the sum of all payments. The charges are subtracted from it.
        key_limit_usd: the most that the key may spend in each period of `key_limit_retention`.
    """

    key: str = ""
    balance_usd: float = 10_000.0
    key_limit_usd: float | None = None
    key_limit_retention: Retention = "month"
    is_key_disabled: bool = False

    def __repr__(self) -> str:
        return f"Account(balance_usd={self.balance_usd}, key_limit_usd={self.key_limit_usd})"


class BatchPlan(_Value, frozen=True, kw_only=True):
    """How batches proceed: their duration, and the fractions that fail or expire."""

    duration_s: float = 60.0
    errored_share: float = 0.0
    expired_share: float = 0.0


class Script(_Value, frozen=True, kw_only=True):
    """The whole behaviour of a simulator.

    Attributes:
        seed: seed of latencies, shares of faults and seeded forms.
        ledger_delay_s: seconds from an answer until logs and transactions show it.
        stream_interval_s: seconds between two events of a stream; 0 sends all at once.
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
        ScriptError: it is not JSON, a name is unknown, or a value is out of range.
    """
    try:
        return msgspec.json.decode(source, type=Script)
    except msgspec.MsgspecError as error:
        raise ScriptError(str(error)) from error


def amend_script(script: Script, source: bytes) -> Script:
    """Change only the fields of a JSON object. Objects are merged, other values replaced.

    Raises:
        ScriptError: as in `parse_script`.
    """
    try:
        changes = msgspec.json.decode(source, type=dict[str, Any])
        merged = _merge_objects(msgspec.to_builtins(script), changes)
        return msgspec.convert(merged, Script)
    except msgspec.MsgspecError as error:
        raise ScriptError(str(error)) from error


def _merge_objects(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in changes.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = _merge_objects(old, value)
        else:
            merged[name] = value
    return merged
