"""What tools a request declares, and which it chooses, in the words of Chat Completions.

Functions and custom tools go on, those in namespaces under flat names. A tool that OpenAI would
host itself cannot be had here: declaring one is harmless, demanding it is not.
"""

from __future__ import annotations

from typing import Any, cast

from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.responses_over_messages.namespaces import Named, Names
from isthmus.wire.chat.documents import Tool as ChatTool
from isthmus.wire.responses import shape
from isthmus.wire.responses.documents import ResponsesRequest, Tool

WEB_SEARCH = frozenset({"web_search", "web_search_2025_08_26"})
_CALLABLE = ("function", "custom")


class Declared:
    """The tools of a request: `tools` as chat has them, and where the caller wrote each.

    ``searches``: Claude may search the web, if the caller declares that.
    """

    def __init__(self, request: ResponsesRequest, remarks: Remarks, *, searches: bool) -> None:
        declared = request.get("tools") or []
        self.names = Names(declared)
        self.tools: list[ChatTool] = []
        self.paths: list[str] = []
        self.search: dict[str, Any] | None = None
        self.search_path = ""
        self._remarks = remarks
        for index, tool in enumerate(declared):
            path = f"tools[{index}]"
            if tool["type"] in _CALLABLE:
                self._declare(tool, path, None)
            elif tool["type"] == "namespace":
                self._declare_all(tool, path)
            elif tool["type"] in WEB_SEARCH and searches:
                self._let_search(tool, path)
            else:
                remarks.warn("tools.hosted.dropped", f"{path}.type", f"no {tool['type']} here")

    def _declare_all(self, space: Tool, path: str) -> None:
        about = space.get("description")
        for index, tool in enumerate(space["tools"]):
            where = f"{path}.tools[{index}]"
            if tool["type"] not in _CALLABLE:
                raise InvalidRequest(
                    f"'{where}.type': a namespace holds functions and custom tools only.",
                    param=f"{where}.type",
                )
            named = tool if index or not about else _told_of(space["name"], about, tool)
            self._declare(named, where, space["name"])

    def _declare(self, tool: Tool, path: str, namespace: str | None) -> None:
        self._name_ignored(tool, path)
        name = self.names.flat(Named(tool["name"], namespace))
        declaration: dict[str, Any] = {"name": name, "description": tool.get("description")}
        if tool["type"] == "function":
            declaration["parameters"] = tool.get("parameters")
            declaration["strict"] = tool.get("strict")
        else:
            declaration["format"] = _format(tool.get("format"))
        made = {"type": tool["type"], tool["type"]: declaration}
        self.tools.append(cast("ChatTool", made))
        self.paths.append(path)

    def _name_ignored(self, tool: Tool, path: str) -> None:
        callers: list[str] = tool.get("allowed_callers") or ["direct"]
        ignored = {
            "defer_loading": bool(tool.get("defer_loading")),
            "async": bool(tool.get("async")),
            "output_schema": tool.get("output_schema") is not None,
            "allowed_callers": "direct" not in callers,
        }
        for name in [name for name, matters in ignored.items() if matters]:
            self._remarks.warn("tools.members.dropped", f"{path}.{name}", "dropped")
        for name in tool.keys() - shape.KNOWN_IN_TOOL[tool["type"]]:
            if tool[name] is not None:
                self._remarks.warn("unknown.ignored", f"{path}.{name}", "unknown, ignored")

    def _let_search(self, tool: Tool, path: str) -> None:
        options: dict[str, Any] = {"search_context_size": tool.get("search_context_size")}
        if tool.get("user_location"):
            place = {k: v for k, v in tool["user_location"].items() if k != "type"}
            options["user_location"] = {"type": "approximate", "approximate": place}
        if tool.get("filters"):
            self._remarks.warn("tools.web_search.filters", f"{path}.filters", "dropped")
        self.search, self.search_path = options, path

    # Choice ---------------------------------------------------------------------------------

    def choice(self, wanted: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        """Return ``tool_choice`` as chat has it.

        Raises:
            InvalidRequest: a tool that OpenAI would host.
        """
        if not isinstance(wanted, dict):
            return wanted
        if wanted["type"] == "allowed_tools":
            chosen = [
                self._chosen(tool, f"tool_choice.tools[{index}]")
                for index, tool in enumerate(wanted["tools"])
            ]
            allowed = {"mode": wanted["mode"], "tools": chosen}
            return {"type": "allowed_tools", "allowed_tools": allowed}
        return self._chosen(wanted, "tool_choice")

    def _chosen(self, tool: dict[str, Any], path: str) -> dict[str, Any]:
        kind: object = tool.get("type")
        if kind not in _CALLABLE:
            raise InvalidRequest(
                f"'{path}.type': Claude cannot be made to use a tool of type '{kind}'.",
                param=f"{path}.type",
                code="unsupported_value",
            )
        name: object = tool.get("name")
        if not isinstance(name, str):
            raise InvalidRequest(
                f"Missing required parameter: '{path}.name'.",
                param=f"{path}.name",
                code="missing_required_parameter",
            )
        return {"type": kind, kind: {"name": self.names.chosen(name, tool.get("namespace"))}}


def _told_of(space: str, about: str, tool: Tool) -> Tool:
    """Tell what a namespace is for, once: with the first of its tools."""
    words = f"({space}: {about})"
    described = tool.get("description")
    return {**tool, "description": f"{described}\n\n{words}" if described else words}


def _format(wanted: dict[str, Any] | None) -> dict[str, Any] | None:
    if wanted is None or wanted["type"] != "grammar":
        return wanted
    grammar = {"definition": wanted["definition"], "syntax": wanted["syntax"]}
    return {"type": "grammar", "grammar": grammar}
