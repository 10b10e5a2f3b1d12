"""Tools in both vendors' forms, and the choice of the tool that an answer must call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from aimlapi_simulator.schema.parts import FunctionOfTool, InputSchema


@dataclass(slots=True, kw_only=True, frozen=True)
class Tool:
    """A tool by its name and the JSON schema of its input."""

    name: str
    input_schema: dict[str, Any]


def parse_tools(tools: list[dict[str, Any]]) -> list[Tool]:
    """Check definitions: `{name, input_schema}`, `{type: function, function}` or a vendor's own `{type}`.

    Raises:
        msgspec.ValidationError: a definition has none of these forms.
    """
    return [_parse_tool(tool) for tool in tools]


def _parse_tool(tool: dict[str, Any]) -> Tool:
    if "input_schema" in tool:
        msgspec.convert(tool["input_schema"], InputSchema)
        return Tool(name=msgspec.convert(tool.get("name"), str), input_schema=tool["input_schema"])
    if tool.get("type") == "function":
        function = msgspec.convert(tool.get("function"), FunctionOfTool)
        return Tool(name=function.name, input_schema=function.parameters)
    kind = msgspec.convert(tool.get("type"), str)
    if kind in ("auto", "any", "tool", "none"):
        raise msgspec.ValidationError("a definition with `name` and `input_schema`")
    return Tool(name=tool.get("name", kind), input_schema={})


def forced_tool(tools: list[Tool], choice: Any) -> Tool | None:
    """Return the tool that `tool_choice` names, the first tool if it requires any, else None."""
    choice = msgspec.to_builtins(choice) if isinstance(choice, msgspec.Struct) else choice
    if choice == "required":
        return tools[0]
    if not isinstance(choice, dict):
        return None
    if choice.get("type") == "any":
        return tools[0]
    function = choice.get("function")
    wanted = function.get("name") if isinstance(function, dict) else choice.get("name")
    return next((tool for tool in tools if tool.name == wanted), None)
