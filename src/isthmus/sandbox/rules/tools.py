"""Tools and the choice among them."""

from __future__ import annotations

import re
from typing import Any, cast

from isthmus.sandbox.errors import ApiError, invalid
from isthmus.sandbox.models import Model
from isthmus.sandbox.rules.fields import require, require_only, require_type
from isthmus.sandbox.rules.server_tools import check_declared
from isthmus.sandbox.rules.subset import check_schema

Document = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)
_MAX_STRICT = 20
_MEMBERS = frozenset(
    {
        *("type", "name", "description", "input_schema", "strict", "cache_control"),
        *("defer_loading", "allowed_callers", "eager_input_streaming", "input_examples"),
    }
)
#: Members of each kind of choice.
_CHOICES = {
    "auto": frozenset({"type", "disable_parallel_tool_use"}),
    "any": frozenset({"type", "disable_parallel_tool_use"}),
    "tool": frozenset({"type", "disable_parallel_tool_use", "name"}),
    "none": frozenset({"type"}),
}
_NOT_FORCED = 'tool_choice: type "tool" and "any" are not supported for this model.'


def check(document: Document, model: Model) -> None:
    """Check the tools, then the choice."""
    names: set[str] = set()
    strict = 0
    for at, tool in enumerate(document.get("tools", [])):
        path = f"tools.{at}"
        require_type(path, tool, (dict,))
        if tool.get("type") in (None, "custom"):
            _check_tool(path, tool)
        else:
            check_declared(path, tool)
        if tool["name"] in names:
            raise ApiError(400, "tools: Tool names must be unique.")
        names.add(tool["name"])
        strict += tool.get("strict") is True
    if strict > _MAX_STRICT:
        raise invalid("tools", f"too many strict tools ({strict}); the maximum is {_MAX_STRICT}")
    if "tool_choice" in document:
        _check_choice(document, names, model)
    _check_history(document, names)


def _check_tool(path: str, tool: Document) -> None:
    require_only(path, tool, _MEMBERS)
    if not _NAME.fullmatch(require(path, tool, "name", (str,))):
        raise invalid(f"{path}.name", "String should match pattern '^[a-zA-Z0-9_-]{1,64}$'")
    schema = require(path, tool, "input_schema", (dict,))
    if schema.get("type") != "object":
        raise invalid(f"{path}.input_schema.type", "Input should be 'object'")
    _check_declared(f"{path}.input_schema", schema)
    require_type(f"{path}.description", tool.get("description", ""), (str,))
    require_type(f"{path}.strict", tool.get("strict", False), (bool,))
    if tool.get("strict"):
        check_schema(f"{path}.input_schema", schema)


def _check_declared(path: str, schema: Document) -> None:
    properties, required = schema.get("properties"), schema.get("required")
    is_map = properties is None or isinstance(properties, dict)
    if not is_map or not (required is None or _is_names(required)):
        rule = "JSON schema is invalid. It must match JSON Schema draft 2020-12"
        raise invalid(path, rule)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(name, str) for name in cast("list[object]", value)
    )


def _check_choice(document: Document, names: set[str], model: Model) -> None:
    choice = document["tool_choice"]
    kind = require("tool_choice", choice, "type", (str,))
    if kind not in _CHOICES:
        raise invalid("tool_choice.type", f"Input should be one of {tuple(_CHOICES)}")
    require_only("tool_choice", choice, _CHOICES[kind])
    one_call = choice.get("disable_parallel_tool_use", False)
    require_type("tool_choice.disable_parallel_tool_use", one_call, (bool,))
    if not names:
        raise invalid("tool_choice", "may only be specified while providing `tools`")
    if kind not in ("any", "tool"):
        return
    if not model.forced:
        raise ApiError(400, _NOT_FORCED)
    if document.get("thinking", {}).get("type") == "enabled":
        raise ApiError(400, "Thinking may not be enabled when tool_choice forces tool use.")
    if kind == "tool" and require("tool_choice", choice, "name", (str,)) not in names:
        raise ApiError(400, f"Tool '{choice['name']}' not found in provided tools")


def _check_history(document: Document, names: set[str]) -> None:
    """Calls in the history need the declaration of their tools."""
    for at, message in enumerate(document["messages"]):
        content: str | list[Document] = message["content"]
        for block in [] if isinstance(content, str) else content:
            if block["type"] == "tool_use" and not names:
                raise invalid(f"messages.{at}", "`tools` must be defined when it has `tool_use`")
