"""Reads arguments as Jinja renders them: the text "512" becomes the number 512. Pure.

A rendered template is always text, such as "512", "0.05" or "None". These functions read the kind of
a value. Its range is checked where the value is used; see `core.texts.number_range`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aimlapi.errors import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aimlapi.core.calls.json_types import Json

Word = TypeVar("Word", bound=str)

_FLAGS = {"true": True, "false": False}
_ENDING = r"\.(?:(?:txt|md|prompt)(?:\.(?:j2|jinja2?))?|j2|jinja2?)"
_FILE_NAME = re.compile(rf"[^\s{{}}]+{_ENDING}", re.IGNORECASE)
_FILE_NAME_WORDS_MAX = 3
"""A text of more words that ends like a file's name is a prompt if there is no such file."""
_FILE_NAME_PERHAPS = re.compile(rf"[^\n{{}}]+{_ENDING}", re.IGNORECASE)


def names_file(text: object) -> bool:
    """Return whether a text is the name of a prompt file, and not a sentence that ends like one."""
    return isinstance(text, str) and _FILE_NAME.fullmatch(text.strip()) is not None


def may_name_file(text: object) -> bool:
    """Return whether a text may be such a name. A name with blanks must exist to be one."""
    return isinstance(text, str) and _FILE_NAME_PERHAPS.fullmatch(text.strip()) is not None


def none_if_empty(value: object) -> object:
    """Return the value, or None for "" and "None", which are what a template makes of None."""
    return None if isinstance(value, str) and value.strip() in {"", "None"} else value


def read_text(name: str, value: object) -> str:
    """Return a text.

    Raises:
        InvalidSpec: the value is no text, or names a prompt file that does not exist.
    """
    if not isinstance(value, str):
        raise InvalidSpec(f"{name}={value!r}: give a text.")
    if names_file(value) or (may_name_file(value) and len(value.split()) <= _FILE_NAME_WORDS_MAX):
        raise InvalidSpec(
            f"{name}={value!r} names a file, but there is no such file beside the DAG "
            f"or in the DAG's template_searchpath. If it is the text itself, end it with a period."
        )
    return value


def read_optional_text(name: str, value: object) -> str | None:
    """Return a text, or None. Raise InvalidSpec as `read_text` does."""
    value = none_if_empty(value)
    return None if value is None else read_text(name, value)


def read_whole_number(name: str, value: object) -> int:
    """Return a whole number, also from text or from a float without a fraction.

    Raises:
        InvalidSpec: the value is no whole number.
    """
    number = _parse_number(value)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    if not isinstance(number, int):
        raise InvalidSpec(f"{name}={value!r}: give a whole number.")
    return number


def read_optional_whole_number(name: str, value: object) -> int | None:
    """Return a whole number, or None. Raise InvalidSpec as `read_whole_number` does."""
    value = none_if_empty(value)
    return None if value is None else read_whole_number(name, value)


def read_number(name: str, value: object, *, such_as: str = "0.5 or 2") -> float:
    """Return a number, as an int if it is written as one: 5 rows and a fraction of 5.0 differ.

    Args:
        such_as: examples for the error's text.

    Raises:
        InvalidSpec: the value is no number.
    """
    parsed = _parse_number(value)
    if parsed is None:
        raise InvalidSpec(f"{name}={value!r}: give a number, such as {such_as}.")
    return parsed


def read_optional_number(name: str, value: object) -> float | None:
    """Return a number, or None. Raise InvalidSpec as `read_number` does."""
    value = none_if_empty(value)
    return None if value is None else read_number(name, value)


def read_row_limit(name: str, value: object) -> float | None:
    """Return a number of rows (int), a fraction of them (float), or None. Raise as `read_number` does."""
    value = none_if_empty(value)
    return None if value is None else read_number(name, value, such_as="0.1 or 100")


def read_flag(name: str, value: object) -> bool:
    """Return True or False, also from text.

    Raises:
        InvalidSpec: the value is neither.
    """
    meant = _FLAGS.get(str(value).strip().lower()) if isinstance(value, (bool, str)) else None
    if meant is None:
        raise InvalidSpec(f"{name}={value!r}: give True or False.")
    return meant


def read_word(name: str, value: object, allowed: Sequence[Word]) -> Word:
    """Return the word of a list that the value equals.

    Raises:
        InvalidSpec: the list does not contain the value.
    """
    for word in allowed:
        if value == word:
            return word
    raise InvalidSpec(f"{name}={value!r}: give {' or '.join(map(repr, allowed))}.")


def read_texts(name: str, value: object) -> tuple[str, ...] | None:
    """Return a list of texts, or None.

    Raises:
        InvalidSpec: the value is something else. A single text is refused, because Python would read
            it as a list of letters.
    """
    value = none_if_empty(value)
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise InvalidSpec(f"{name}={value!r}: give a list of texts.")
    return tuple(value)


def read_thinking(name: str, value: object) -> dict[str, Json] | None:
    """Return the thinking parameter with its budget as a number, or None.

    Raises:
        InvalidSpec: the value is no mapping, or its budget is no number.
    """
    value = none_if_empty(value)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidSpec(
            f"{name}={value!r}: give a mapping such as "
            f'{{"type": "enabled", "budget_tokens": 2048}}.'
        )
    named: dict[str, Json] = {str(key): item for key, item in value.items()}
    if "budget_tokens" in named:
        named["budget_tokens"] = read_whole_number(f"{name}: budget_tokens", named["budget_tokens"])
    return named


def _parse_number(value: object) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str):
        return None
    for kind in (int, float):  # int first: float would turn the text "5" into 5.0
        try:
            return kind(value)
        except ValueError:
            continue
    return None
