"""What tools a model may know of, and which it shall call."""

from __future__ import annotations

from isthmus.errors import InvalidRequest
from isthmus.translate.messages_over_chat.client_tools import client_tool
from isthmus.translate.messages_over_chat.content import Means, note_mark
from isthmus.translate.messages_over_chat.schema import is_enforceable
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import AskedRequest, Block

#: Members that are translated, or mean nothing to a model that runs no tools of its own.
_KNOWN = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def declarations(request: AskedRequest, means: Means) -> list[Part]:
    """Translate ``tools``. Those that Claude's own service would run are left out.

    Raises:
        InvalidRequest: two tools have one name.
    """
    declared: dict[str, Part] = {}
    for index, tool in enumerate(request.get("tools") or []):
        path = f"tools[{index}]"
        function = _function(tool, path, means)
        if function is None:
            continue
        name: str = function["name"]
        if name in declared:
            raise InvalidRequest(
                f"'{path}.name': the name '{name}' is declared twice.", param=f"{path}.name"
            )
        declared[name] = {"type": "function", "function": function}
    return list(declared.values())


def _function(tool: Block, path: str, means: Means) -> Part | None:
    note_mark(tool, means)
    kind: str = tool.get("type") or "custom"
    if kind != "custom":
        return _of_the_client(tool, kind, path, means)
    for name in sorted(tool.keys() - _KNOWN):
        if tool[name] not in (None, False, []):
            means.remarks.warn("tools.member.dropped", f"{path}.{name}", "dropped, Claude's own")
    function: Part = {"name": tool["name"]}
    if tool.get("description"):
        function["description"] = tool["description"]
    function["parameters"] = tool["input_schema"]
    if tool.get("strict"):
        if means.dialect.strict_tools and is_enforceable(tool["input_schema"]):
            function["strict"] = True
        else:
            means.remarks.warn("tools.strict.dropped", f"{path}.strict", "dropped, not enforced")
    return function


def _of_the_client(tool: Block, kind: str, path: str, means: Means) -> Part | None:
    family = client_tool(kind)
    if family is None or not isinstance(tool.get("name"), str):
        means.remarks.warn("tools.hosted.dropped", path, f"'{kind}' dropped, unknown upstream")
        return None
    description = family.description
    if "display_width_px" in tool and "display_height_px" in tool:
        size = f"{tool['display_width_px']} by {tool['display_height_px']}"
        description = f"{description} The screen has {size} pixels."
    return {
        "name": tool["name"],
        "description": description,
        "parameters": family.parameters,
    }


def choice(request: AskedRequest, declared: list[Part], means: Means) -> Part:
    """Translate ``tool_choice`` into the members that say it.

    Raises:
        InvalidRequest: it demands a tool that there is not.
    """
    asked: Block = request.get("tool_choice") or {"type": "auto"}
    kind: str = asked["type"]
    _require_declared(asked, declared)
    if not declared:
        return {}
    members: Part = {}
    if asked.get("disable_parallel_tool_use"):
        if means.dialect.parallel_switch:
            members["parallel_tool_calls"] = False
        else:
            path = "tool_choice.disable_parallel_tool_use"
            means.remarks.warn("tool_choice.parallel.dropped", path, "dropped, unknown upstream")
    if kind in ("any", "tool") and not means.capabilities.forced_tools:
        means.remarks.warn("tool_choice.auto", "tool_choice", "this model decides by itself")
        return members
    if kind == "tool":
        members["tool_choice"] = {"type": "function", "function": {"name": asked["name"]}}
    elif request.get("tool_choice"):
        members["tool_choice"] = _CHOICES[kind]
    return members


def _require_declared(asked: Block, declared: list[Part]) -> None:
    names = [tool["function"]["name"] for tool in declared]
    if asked["type"] == "tool" and asked["name"] not in names:
        raise InvalidRequest(
            f"'tool_choice.name': no tool '{asked['name']}' is declared that can be served here.",
            param="tool_choice.name",
        )
    if asked["type"] == "any" and not names:
        raise InvalidRequest(
            "'tool_choice': no tool is declared that can be served here.", param="tool_choice"
        )
