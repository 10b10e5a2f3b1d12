"""Texts of every kind that a prompt or a system text may contain, made from a seed.

`languages.json` holds the beginning of the Universal Declaration of Human Rights in 22 languages.
"""

from __future__ import annotations

import base64
import json
import string
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

LANGUAGES: dict[str, str] = json.loads(
    Path(__file__).with_name("languages.json").read_text(encoding="utf-8")
)
WORDS = LANGUAGES["English"].lower().split()
SIGNS = "😀😂🎉🚀❤️👍🏽👩‍💻🔥✨🇩🇪🇯🇵🥳🤖💡📦→≤©"
REPEATED = ("a", "=", "-", " ", "ab", "0", "漢", "\n", "!?", "ha ")


def cut(random: Random, text: str, size: int) -> str:
    """Return a piece of a text, which is repeated if it is too short."""
    text = (text + "\n") * (size // len(text) + 2)
    start = random.randrange(len(text) - size)
    return text[start : start + size]


@cache
def _own_code() -> str:
    files = sorted(Path(__file__).parents[2].glob("provider/airflow_provider_aimlapi/core/**/*.py"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _json(random: Random, size: int) -> str:
    indent, is_ascii = random.choice((None, 2)), random.random() < 0.5
    lines = ""
    while len(lines) < size:
        record = {
            "id": random.randrange(10**6),
            "name": random.choice(("Ann", "Bob", "Chloé", "Ödön", "李雷")),
            "amount": round(random.random() * 1e4, 2),
            "tags": random.sample(WORDS, 3),
            "active": random.random() < 0.5,
        }
        lines += json.dumps(record, indent=indent, ensure_ascii=is_ascii) + "\n"
    return lines[:size]


def _numbers(random: Random, size: int) -> str:
    comma = random.choice((",", "\t", "; ", " "))
    lines = ""
    while len(lines) < size:
        cells = (random.randrange(10 ** random.randrange(1, 10)) for _ in range(8))
        lines += comma.join(map(str, cells)) + "\n"
    return lines[:size]


def _log(random: Random, size: int) -> str:
    lines = ""
    while len(lines) < size:
        second, word = random.randrange(10, 60), random.choice(WORDS)
        lines += (
            f"2026-11-23T12:{second}:01Z INFO [{random.getrandbits(128):x}] GET /v1/{word} 200\n"
        )
    return lines[:size]


def _mixed(random: Random, size: int) -> str:
    kinds = [kind for kind in KINDS if kind != "mixed"]
    return "".join(make(random, random.choice(kinds), size // 4 + 1) for _ in range(4))[:size]


_MAKERS: dict[str, Callable[[Random, int], str]] = {
    "code": lambda random, size: cut(random, _own_code(), size),
    "json": _json,
    "numbers": _numbers,
    "log": _log,
    "base64": lambda random, size: base64.b64encode(random.randbytes(size))[:size].decode(),
    "hex": lambda random, size: random.randbytes(size).hex()[:size],
    "emoji": lambda random, size: "".join(random.choices(SIGNS, k=size)),
    "repeated": lambda random, size: (random.choice(REPEATED) * size)[:size],
    "words": lambda random, size: " ".join(random.choices(WORDS, k=size // 3 + 1))[:size],
    "noise": lambda random, size: "".join(random.choices(string.printable, k=size)),
    "capitals": lambda random, size: cut(random, LANGUAGES["English"].upper(), size),
    "any language": lambda random, size: cut(random, random.choice(list(LANGUAGES.values())), size),
    "mixed": _mixed,
}
KINDS = (*LANGUAGES, *_MAKERS)


def make(random: Random, kind: str, size: int) -> str:
    """Return a text of `size` characters."""
    if kind in LANGUAGES:
        return cut(random, LANGUAGES[kind], size)
    return _MAKERS[kind](random, size)
