"""Ways to count tokens, none of which the judgement knows.

The simple ones are always there. Real vocabularies are used if the packages that bundle them are
installed; no network is needed then:

    uv run --with tiktoken --with tokenizers --with mistral-common --with litellm --with dashscope \
        --with llama-models python -m lab.arrival
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Tokenizer = Callable[[str], int]

_PIECE = re.compile(r" ?[^\W\d_]+|\d{1,3}|[^\w\s]|\s+|_")
_CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_RANKS = {
    "cl100k": (
        "litellm",
        "litellm_core_utils/tokenizers/9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        _CL100K,
    ),
    "o200k": (
        "litellm",
        "litellm_core_utils/tokenizers/fb374d419588a4632f3f557e76b4b70aebbca790",
        _O200K,
    ),
    "qwen": ("dashscope", "resources/qwen.tiktoken", _CL100K.replace("{1,3}", "")),
    "llama3": ("llama_models", "llama3/tokenizer.model", _CL100K),
    "llama4": ("llama_models", "llama4/tokenizer.model", _O200K),
}
_JSON = {
    "claude2": ("litellm", "litellm_core_utils/tokenizers/anthropic_tokenizer.json"),
    "deepseek": ("litellm", "litellm_core_utils/tokenizers/deepseek_tokenizer.json"),
}

SIMPLE: dict[str, Tokenizer] = {
    "characters / 4": lambda text: -(-len(text) // 4),
    "bytes / 3": lambda text: -(-len(text.encode()) // 3),
    "bytes / 4": lambda text: -(-len(text.encode()) // 4),
    "words x 1.3": lambda text: -(-len(text.split()) * 13 // 10),
    "words and signs": lambda text: len(re.findall(r"\w+|[^\w\s]", text)),
}


def by_script(seed: int) -> Tokenizer:
    """Draw a rate for each script, for digits, marks and blanks."""
    random, rates = Random(seed), dict[str, float]()

    def rate(character: str) -> float:
        kind = _script(character)
        if kind not in rates:
            least, most = {
                "blank": (0.1, 0.3), "digit": (0.3, 1), "latin": (0.22, 0.45), "mark": (0.3, 1)
            }.get(kind, (0.3, 2.5))  # fmt: skip
            rates[kind] = random.uniform(least, most)
        return rates[kind]

    return lambda text: round(sum(map(rate, text)))


def _script(character: str) -> str:
    if character.isspace():
        return "blank"
    if not character.isascii():
        return str(ord(character) >> 8)
    return "digit" if character.isdigit() else "latin" if character.isalpha() else "mark"


def by_pieces(seed: int) -> Tokenizer:
    """Cut words as a vocabulary does: each always the same way, frequent ones into fewer pieces."""
    longest = Random(seed).uniform(3, 7)
    foreign = Random(seed + 1).uniform(0.4, 2)

    @lru_cache(100_000)
    def pieces(word: str) -> int:
        if max(map(ord, word)) >= 0x250:
            return max(1, round(len(word) * foreign * Random(word).uniform(0.7, 1.3)))
        return max(1, round(len(word) / longest * Random(word).uniform(0.7, 1.3)))

    return lambda text: sum(map(pieces, _PIECE.findall(text)))


def noisy(tokenizer: Tokenizer, most: float) -> Tokenizer:
    """Change each text's count by a fraction of its own."""
    return lambda text: round(tokenizer(text) * (1 + most * Random(text).uniform(-1, 1)))


def real() -> dict[str, Tokenizer]:
    """Return the vocabularies that are installed."""
    found: dict[str, Tokenizer] = {}
    for name, (package, path, pattern) in _RANKS.items():
        if file := _bundled(package, path, "tiktoken"):
            found[name] = _ranked(name, file, pattern)
    for name, (package, path) in _JSON.items():
        if file := _bundled(package, path, "tokenizers"):
            found[name] = _from_json(file)
    if find_spec("mistral_common"):
        found |= _mistral()
    return found


def _bundled(package: str, path: str, reader: str) -> Path | None:
    spec = find_spec(package)
    if spec is None or spec.origin is None or find_spec(reader) is None:
        return None
    file = Path(spec.origin).parent / path
    return file if file.exists() else None


def _ranked(name: str, file: Path, pattern: str) -> Tokenizer:
    import tiktoken

    lines = [line.split() for line in file.read_bytes().splitlines() if line.strip()]
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda text: len(encoding.encode_ordinary(text))


def _from_json(file: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _mistral() -> dict[str, Tokenizer]:
    import mistral_common
    import sentencepiece
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    data = Path(mistral_common.__file__).parent / "data"
    tekken = Tekkenizer.from_file(str(data / "tekken_240911.json"))
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(data / "tokenizer.model.v1"))
    return {
        "tekken": lambda text: len(tekken.encode(text, bos=False, eos=False)),
        "mistral 1": lambda text: len(pieces.encode(text)),
    }
