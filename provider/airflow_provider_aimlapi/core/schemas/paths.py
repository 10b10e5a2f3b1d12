"""Names a path in an answer or a schema: `$.items[0].name`. Pure."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[^\W\d]\w*", re.ASCII)
_NAME_CHARACTERS_MAX = 60
ROOT = "$"


def step_to(name: str) -> str:
    """Return the step to a property: `.name`, or `["a name"]` for a name that is not an identifier."""
    shown = name if len(name) <= _NAME_CHARACTERS_MAX else f"{name[:_NAME_CHARACTERS_MAX]}…"
    return f".{shown}" if _PLAIN.fullmatch(name) and shown == name else f"[{json.dumps(shown)}]"
