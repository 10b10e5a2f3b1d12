"""The table of the fields that the API accepts for a model id, and their names.

The spelling of an id decides. The API drops a field that the id's dialect lacks, without an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

DEFAULT_MODEL = "anthropic/claude-sonnet-4-6-20260218"
HEAD_TOKENS_MIN = 1_024
"""The shortest head that the prompt cache of most models keeps. A shorter one is ignored."""
_LONG_HEAD, _SHORT_HEAD = 4_096, 512
"""The same for Haiku 4.5 and Opus 4.5 to 4.7, and for Opus 5 and the 5.5 family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The form of requests to some of the model ids.

    Attributes:
        name: for logs and errors.
        example: an id with this dialect, for errors.
        system: where the system text is sent: in a field, or in the first message.
        stop: the field with the texts that end an answer.
        temperature_max: the highest temperature; None if temperature, top_p and top_k are refused.
        thinking: values of `type` in the field `thinking`; empty if there is no such field.
        efforts: values of the field `reasoning_effort`; empty if there is no such field.
        has_reasoning_budget: whether there is a field `reasoning` with `max_tokens`.
        has_metadata: whether there is a field `metadata`.
        has_anthropic_tools: whether Anthropic's form of tools is accepted. OpenAI's form always is.
        has_forced_tool: whether a request can force the model to call a tool.
        answer_form: how a request asks for an answer that follows a schema; see `answer_form`.
        thinks_by_default: whether models think unless a request disables it.
    """

    name: str
    example: str
    system: Literal["field", "message"]
    stop: Literal["stop", "stop_sequences"]
    temperature_max: float | None
    thinking: tuple[str, ...]
    efforts: tuple[str, ...]
    has_reasoning_budget: bool
    has_metadata: bool
    has_anthropic_tools: bool
    has_forced_tool: bool
    answer_form: Literal["forced tool", "response_format", "instructed JSON"]
    thinks_by_default: bool = False


SUPERSET = Dialect(
    name="superset",
    example="anthropic/claude-sonnet-4.6",
    system="message",
    stop="stop",
    temperature_max=2,
    thinking=(),
    efforts=("none", "low", "medium", "high"),
    has_reasoning_budget=True,
    has_metadata=False,
    has_anthropic_tools=False,
    has_forced_tool=True,
    answer_form="response_format",
)
SUPERSET_NEWER = replace(SUPERSET, example="anthropic/claude-opus-4.8", temperature_max=None)
"""Models whose ids are written in the superset, but that refuse sampling parameters."""
CLASSIC = Dialect(
    name="native classic",
    example=DEFAULT_MODEL,
    system="field",
    stop="stop_sequences",
    temperature_max=1,
    thinking=("enabled", "disabled", "adaptive"),
    efforts=(),
    has_reasoning_budget=False,
    has_metadata=True,
    has_anthropic_tools=True,
    has_forced_tool=True,
    answer_form="forced tool",
)
CLASSIC_OLDER = replace(
    CLASSIC, example="anthropic/claude-haiku-4-5", thinking=("enabled", "disabled")
)
"""Models before 4.6, which do not decide themselves how much to think."""
NEWER = replace(
    CLASSIC,
    name="native newer",
    example="anthropic/claude-sonnet-5",
    temperature_max=None,
    thinking=("adaptive", "disabled"),
    thinks_by_default=True,
)
FAMILY_5_5 = replace(
    NEWER,
    name="5.5 family",
    example="anthropic/claude-sonnet-5-5",
    thinking=("adaptive",),
    efforts=("none", "low", "medium", "high", "xhigh", "max"),
    has_forced_tool=False,
    answer_form="instructed JSON",
)
DIALECTS = (CLASSIC, CLASSIC_OLDER, SUPERSET, SUPERSET_NEWER, NEWER, FAMILY_5_5)


class Model(NamedTuple):
    """The known facts about a model id.

    Attributes:
        answer_tokens_max: the most tokens of an answer; None if that is not published.
        head_tokens_min: the shortest head that the prompt cache keeps; see `core.marks`.
        is_listed: whether the id is in the table. If not, its spelling decides its dialect.
    """

    dialect: Dialect
    answer_tokens_max: int | None = None
    head_tokens_min: int = HEAD_TOKENS_MIN
    is_listed: bool = True


MODELS: dict[str, Model] = {
    "claude-sonnet-4-6": Model(CLASSIC, 64_000),
    "claude-opus-4-6": Model(CLASSIC, 64_000, _LONG_HEAD),
    "claude-opus-4-5": Model(CLASSIC_OLDER, 64_000, _LONG_HEAD),
    "claude-sonnet-4-5": Model(CLASSIC_OLDER, 64_000),
    "claude-haiku-4-5": Model(CLASSIC_OLDER, 64_000, _LONG_HEAD),
    "claude-opus-4-1": Model(CLASSIC_OLDER, 64_000),
    "claude-opus-4-1-latest": Model(CLASSIC_OLDER, 64_000),
    "claude-opus-4.1-20250805": Model(CLASSIC_OLDER, 64_000),
    "claude-opus-4-7": Model(NEWER, 128_000, _LONG_HEAD),
    "claude-opus-4-8": Model(NEWER, 128_000),
    "claude-sonnet-5": Model(NEWER, 128_000),
    "claude-opus-5": Model(NEWER, 128_000, _SHORT_HEAD),
    "claude-fable-5": Model(NEWER, 128_000),
    "claude-sonnet-5-5": Model(FAMILY_5_5, 128_000, _SHORT_HEAD),
    "claude-opus-5-5": Model(FAMILY_5_5, 128_000, _SHORT_HEAD),
    "claude-fable-5-1": Model(FAMILY_5_5, 128_000, _SHORT_HEAD),
    "claude-haiku-5-5": Model(FAMILY_5_5, 128_000, _SHORT_HEAD),
    "claude-haiku-5.5": Model(FAMILY_5_5, 128_000, _SHORT_HEAD),
    "claude-sonnet-4.6": Model(SUPERSET, 64_000),
    "claude-opus-4.6": Model(SUPERSET, 64_000, _LONG_HEAD),
    "claude-opus-4.5": Model(SUPERSET, 64_000, _LONG_HEAD),
    "claude-sonnet-4.5": Model(SUPERSET, 64_000),
    "claude-haiku-4.5": Model(SUPERSET, 64_000, _LONG_HEAD),
    "claude-opus-4.1": Model(SUPERSET, 64_000),
    "claude-opus-4": Model(SUPERSET),
    "claude-sonnet-4": Model(SUPERSET),
    "claude-3-haiku": Model(SUPERSET),
    "claude-fable-latest": Model(SUPERSET),
    "claude-haiku-latest": Model(SUPERSET),
    "claude-sonnet-latest": Model(SUPERSET),
    "claude-opus-latest": Model(SUPERSET),
    "claude-opus-4.7": Model(SUPERSET_NEWER, 128_000, _LONG_HEAD),
    "claude-opus-4.7-fast": Model(SUPERSET_NEWER, 128_000, _LONG_HEAD),
    "claude-opus-4.8": Model(SUPERSET_NEWER, 128_000),
    "claude-opus-4.8-fast": Model(SUPERSET_NEWER, 128_000),
}
"""By ids without `anthropic/`, which may be left out. Dated ids of the classic models count as listed."""

_DATE = re.compile(r"-\d{8}$")
_VERSION = re.compile(r"(?<!\d)(\d{1,2})(?:[-.](\d{1,2})(?!\d))?")
_DOTTED = re.compile(r"\d\.\d")
_NATIVE_SPELLING = re.compile(r"-\d{8}$|\d-\d")
_BY_VERSION = (
    ((5, 1), FAMILY_5_5),
    ((4, 7), NEWER),
    ((4, 6), CLASSIC),
    ((0, 0), CLASSIC_OLDER),
)


def model_of(model_id: str) -> Model:
    """Return the facts about a model id. For an id that is not listed, its spelling decides."""
    name = model_id.lower().removeprefix("anthropic/")
    listed = MODELS.get(name)
    if listed is None and (dated := MODELS.get(_DATE.sub("", name))):
        listed = dated if dated.dialect in (CLASSIC, CLASSIC_OLDER) else None
    return listed or Model(_dialect_by_spelling(name), is_listed=False)


def assumption_about_model(model_id: str) -> str | None:
    """Return the log line about an id that is not listed; None for a listed id."""
    model = model_of(model_id)
    if model.is_listed:
        return None
    dialect = model.dialect
    location = "in the field system" if dialect.system == "field" else "as a first message"
    return (
        f"Model {model_id} is not listed. Its spelling suggests the dialect "
        f"'{dialect.name}': system text is sent {location}, stop texts in the field {dialect.stop}."
    )


def _dialect_by_spelling(name: str) -> Dialect:
    """Return the dialect that an id's spelling suggests.

    1. A dot between digits, `-latest`, or another vendor's id: the superset. It sends the system
       text as a message, which the other dialects accept, too. Dotted ids from 4.7 on have no
       sampling parameters.
    2. A date, or a dash between digits: native, by the version. `claude-sonnet-5` has neither, and
       is native as well, as are later ids like it.
    3. Anything else: the superset.
    """
    version = _VERSION.search(_DATE.sub("", name))
    if not name.startswith("claude-") or name.endswith("-latest") or version is None:
        return SUPERSET
    number = (int(version[1]), int(version[2] or 0))
    if _DOTTED.search(name):
        return SUPERSET if number < (4, 7) else SUPERSET_NEWER
    if number < (5, 0) and not _NATIVE_SPELLING.search(name):
        return SUPERSET
    return next(dialect for least, dialect in _BY_VERSION if number >= least)
