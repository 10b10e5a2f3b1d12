"""An error that names a path or an object names the fix before it.

Airflow's log view cuts lines at about 110 characters, and a path takes most of them.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from airflow_provider_aimlapi import errors

PACKAGE = Path(errors.__file__).parent
KINDS = {name for name, one in vars(errors).items() if isinstance(one, type)}
VERBS = (
    "Add|Check|Choose|Clear|Correct|Export|Give|Leave|Lower|Make|Name|Put|Raise|Remove|Rename|Replace|Rewrite|"
    "Run|Save|Set|Shorten|Start|Stop|Store|Take|Use|Wait|Write"
)
FIX = rf"(?:{VERBS})\b|\{{REMOVE_\w+\}}|While no task works"
LOCATION = re.compile(r"\{(?![^{}]*\.scheme\})[^{}]*(?:uri|path\b)[^{}]*\}")


def message_of(node: ast.expr) -> str:
    """Return the text of an error, with the source of what is filled in between braces."""
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(map(message_of, node.values))
        case ast.FormattedValue():
            return f"{{{ast.unparse(node.value)}}}"
        case _:
            return ""


def has_late_fix(message: str) -> bool:
    """Return whether a fix stands behind a location, and none before it."""
    location = LOCATION.search(message)
    if location is None or re.search(FIX, message[: location.start()]):
        return False
    return re.search(rf"[.:;] (?:{FIX})", message[location.end() :]) is not None


def test_a_late_fix_is_found() -> None:
    assert has_late_fix("{store.uri(name)} is not a folder. Remove it.")
    assert not has_late_fix("Remove a file: {store.uri(name)} is not a folder. Choose a folder.")
    assert not has_late_fix("{store.uri(name)} is not a folder.")


def test_the_fix_comes_before_the_path() -> None:
    late = [
        f"{file.relative_to(PACKAGE)}:{node.lineno} {message}"
        for file in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in KINDS and node.args
        if has_late_fix(message := message_of(node.args[0]))
    ]
    assert late == []
