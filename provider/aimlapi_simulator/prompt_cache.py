"""Which beginnings of prompts were seen lately, so that they cost a tenth; prices are elsewhere."""

from __future__ import annotations

from hashlib import sha256

from aimlapi_simulator.pricing import tokens_in

KEPT_S = 300.0
TOKENS_MIN = 1024
_ENTRIES_MAX = 10_000


class PromptCache:
    """Beginnings of prompts for five minutes from their last use, whatever `ttl` asks for."""

    def __init__(self) -> None:
        self._until_s: dict[bytes, float] = {}

    def cached_tokens(self, model: str, prefix: str, now_s: float) -> int:
        """Tokens of `prefix` that need not be read again; remembers it for the next time."""
        tokens = tokens_in(prefix)
        if not prefix or tokens < TOKENS_MIN:
            return 0
        name = sha256(f"{model}\0{prefix}".encode("utf-8", "surrogatepass")).digest()
        is_known = self._until_s.get(name, 0.0) > now_s
        if len(self._until_s) >= _ENTRIES_MAX:
            self._until_s.clear()
        self._until_s[name] = now_s + KEPT_S
        return tokens if is_known else 0
