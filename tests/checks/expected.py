"""The expected answer of each fact, by the switches of the simulator.

None: the fact stays open. A set: any of these, if a switch mixes forms by the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aimlapi.checks.plan import DATED, DOTTED

if TYPE_CHECKING:
    from aimlapi_simulator import Script

Answer = str | None | set[str] | set[str | None]
ANTHROPIC, OPENAI = "Anthropic's", "OpenAI's"
COSTS = {
    "both": "header and meta",
    "header": "header",
    "meta": "meta",
    "credits": "credits in meta",
    "nowhere": "nowhere",
}
WAIT_S = 120


def either(*words: str, joined: str = " and ") -> set[str]:
    """One of two words, or both."""
    first, second = words
    return {first, second, f"{first}{joined}{second}"}


def expected(script: Script) -> dict[str, Answer]:
    """The answer to each fact."""
    facts = (
        _system(script)
        | _forms(script)
        | _tools(script)
        | _cache(script)
        | _money(script)
        | _refusals(script)
    )
    for model, name in ((DATED, "dated"), (DOTTED, "dotted")):
        if model in script.gateway.withdrawn:
            facts |= {fact: None for fact in facts if fact.endswith(f"-{name}")}
    if DATED in script.gateway.withdrawn:
        cached = [name for name in facts if name.startswith("cache")]
        facts |= dict.fromkeys([*cached, "written-tokens", "error-form", "vendor-error"])
    if DOTTED in script.gateway.withdrawn:
        facts["response-format"] = None
    return facts | {"reasoning-tokens": None}


def _is_older(script: Script) -> bool:
    return script.gateway.documents == "older"


def _system(script: Script) -> dict[str, Answer]:
    is_dropped = "system" in script.gateway.drops
    field: Answer = (
        "dropped" if is_dropped else "refused" if script.gateway.is_strict else "dropped"
    )
    if _is_older(script):
        field = "dropped" if is_dropped else "arrives"
    is_refused = "system" in script.gateway.refuses
    return {
        "system-dated": "refused" if is_refused else "dropped" if is_dropped else "arrives",
        "system-dotted": "refused" if _is_older(script) else "arrives",
        "system-field-dotted": "refused" if is_refused else field,
    }


def _forms(script: Script) -> dict[str, Answer]:
    forms = script.forms
    by_model: dict[str, Answer] = {
        "dated": ANTHROPIC,
        "dotted": ANTHROPIC if _is_older(script) else OPENAI,
    }
    words: dict[str, Answer] = {
        "anthropic": ANTHROPIC,
        "openai": OPENAI,
        "seeded": either(ANTHROPIC, OPENAI),
    }
    contents: dict[str, Answer] = {
        "text": "string",
        "parts": "list of parts",
        "seeded": either("list of parts", "string"),
    }
    return {
        "dialect-dated": "native",
        "dialect-dotted": "native" if _is_older(script) else "superset",
        "finish-dated": words.get(forms.finish_reasons, by_model["dated"]),
        "finish-dotted": words.get(forms.finish_reasons, by_model["dotted"]),
        "content": contents[forms.content],
    }


def _tools(script: Script) -> dict[str, Answer]:
    drops, refuses, is_older = script.gateway.drops, script.gateway.refuses, _is_older(script)
    is_lost = any(field in drops + refuses for field in ("tools", "tool_choice"))
    effect = "called" if not is_lost else "no effect"
    if "tools" in refuses or "tool_choice" in refuses:
        effect = "refused"
    is_foreign = is_older and "tool_choice" not in drops
    empty: dict[str, set[str]] = {
        "text": {"empty"},
        "parts": {"parts"},
        "seeded": either("empty", "parts"),
    }
    empties = empty[script.forms.content]
    mixed = {one for word in empties for one in either(word, "null")} | {"empty and null and parts"}
    contents: dict[str, Answer] = {"empty": empties, "null": "null", "seeded": mixed}
    is_called = not is_lost and not (is_foreign and DATED in script.gateway.withdrawn)
    form = "no effect" if is_older or "response_format" in drops else "JSON"
    if is_older and script.gateway.is_strict and "response_format" not in drops:
        form = "refused"
    if "response_format" in refuses:
        form = "refused"
    beside: Answer = contents[script.forms.tool_content] if is_called else None
    return {
        "tool-dated": effect,
        "tool-dotted": "refused" if is_foreign else effect,
        "tool-content": beside,
        "response-format": form,
    }


def _cache(script: Script) -> dict[str, Answer]:
    is_refused = _is_older(script) or script.cache.marks == "refused"
    is_written = not is_refused and script.cache.marks == "accepted"
    is_read = is_written and script.cache.miss_share == 0
    counted = "no" if script.forms.cached_tokens == "beside" else "yes"
    is_priced = script.forms.cost != "nowhere" or script.ledger_delay_s < WAIT_S
    written: Answer = "yes" if is_written else "no" if is_priced else None
    is_perhaps_priced = script.forms.cost == "seeded" and script.ledger_delay_s > WAIT_S
    found: dict[str, Answer] = {
        "cache-mark": "refused" if is_refused else "accepted",
        "cache-write": None if is_refused else written,
        "cache-write-price": "1.25 x input" if is_written and is_priced else None,
        "cache-read": "yes" if is_read else None,
        "cache-read-price": "0.10 x input" if is_read and is_priced else None,
        "written-tokens": counted if is_written else None,
        "cached-tokens": counted if is_read else None,
    }
    if is_perhaps_priced:  # where an answer says nothing, neither does the log
        for name in ("cache-write", "cache-write-price", "cache-read-price"):
            priced = found[name]
            found[name] = {priced, None} if isinstance(priced, str) else None
    return found


def _money(script: Script) -> dict[str, Answer]:
    is_late = script.ledger_delay_s > WAIT_S
    match: dict[str, Answer] = {"nowhere": None, "seeded": {"yes", None}}
    return {
        "price-list": script.forms.prices,
        "cost-form": COSTS.get(script.forms.cost, set(COSTS.values())),
        "cost-match": match.get(script.forms.cost, "yes") if is_late else "yes",
        "log": "no" if is_late else "yes",
    }


def _refusals(script: Script) -> dict[str, Answer]:
    reasons: dict[str, str] = {"problem": "in error.details", "legacy": "in the message"}
    vendor = {"json": "JSON in the message", "plain": "a sentence"}
    return {
        "error-form": reasons.get(script.forms.envelope, set(reasons.values())),
        "vendor-error": vendor.get(script.forms.vendor_errors, set(vendor.values())),
    }


def differences(
    found: dict[str, str | None], script: Script
) -> dict[str, tuple[str | None, Answer]]:
    """The facts that came out otherwise. Of mixed costs, each form must be one that there is."""
    wrong: dict[str, tuple[str | None, Answer]] = {}
    for name, wanted in expected(script).items():
        answer = found[name]
        if not isinstance(wanted, set):
            is_right = answer == wanted
        elif name == "cost-form":
            is_right = answer is not None and set(answer.split("; ")) <= set(COSTS.values())
        else:
            is_right = answer in wanted
        if not is_right:
            wrong[name] = (answer, wanted)
    return wrong
