"""Tools, and whether the model may, must or must not call them.

Tools are never taken away from a request to keep the model from calling them: the history refers to
them, the prompt cache begins with them. ``tool_choice`` says it instead.
"""

from __future__ import annotations

import re
from typing import Any

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.chat_over_messages.marks import put, written
from isthmus.translate.chat_over_messages.schema import UnfitSchema, normalised
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatRequest, FunctionDeclaration, Tool
from isthmus.wire.messages.documents import Block, Turn

#: Upstream's limit on tools whose arguments follow a grammar.
MAX_STRICT = 20
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)


def declarations(request: ChatRequest, turns: list[Turn], remarks: Remarks) -> list[Block]:
    """Translate ``tools``; where there are none but the history has calls, declare those."""
    tools = request.get("tools") or []
    declared: dict[str, Block] = {}
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        block = _declaration(tool, path, remarks)
        if block["name"] in declared:
            raise InvalidRequest(
                f"'{path}.function.name': the name '{block['name']}' is declared twice.",
                param=f"{path}.function.name",
            )
        put(written(tool, path, remarks), block)
        put(written(tool["function"], f"{path}.function", remarks), block)
        declared[block["name"]] = block
    _loosen_excess(declared, remarks)
    return list(declared.values()) or _declared_by_history(turns, remarks)


def _declaration(tool: Tool, path: str, remarks: Remarks) -> Block:
    if tool["type"] != "function":
        raise InvalidRequest(
            f"'{path}.type': tools of type '{tool['type']}' are not supported yet.",
            param=f"{path}.type",
            code="unsupported_value",
        )
    function, path = tool["function"], f"{path}.function"
    name = function.get("name", "")
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"'{path}.name' must have 1 to 64 letters, digits, underscores or dashes.",
            param=f"{path}.name",
        )
    block: Block = {"name": name}
    description = function.get("description")
    if description:
        block["description"] = description
    block["input_schema"] = _object_schema(function, path)
    if function.get("strict"):
        _make_strict(block, path, remarks)
    return block


def _object_schema(function: FunctionDeclaration, path: str) -> dict[str, Any]:
    """Take the parameters as they are; upstream wants them to describe an object."""
    parameters = function.get("parameters")
    if not parameters:
        return {"type": "object", "properties": {}}
    if "type" not in parameters and not {"anyOf", "oneOf", "allOf", "$ref"} & parameters.keys():
        return {"type": "object", **parameters}
    if parameters.get("type") != "object":
        raise InvalidRequest(
            f"'{path}.parameters' must be a schema of type 'object'.", param=f"{path}.parameters"
        )
    return parameters


def _make_strict(block: Block, path: str, remarks: Remarks) -> None:
    try:
        block["input_schema"], told = normalised(block["input_schema"])
    except UnfitSchema as error:
        remarks.warn("tools.strict.dropped", f"{path}.strict", f"dropped, {error}")
        return
    if told:
        remarks.warn(
            "tools.strict.bounds", f"{path}.parameters", f"{', '.join(told)} only described"
        )
    block["strict"] = True


def _loosen_excess(declared: dict[str, Block], remarks: Remarks) -> None:
    strict = [block for block in declared.values() if "strict" in block]
    for block in strict[MAX_STRICT:]:
        del block["strict"]
        remarks.warn(
            "tools.strict.excess",
            f"tools.{block['name']}.strict",
            f"dropped, at most {MAX_STRICT} tools can be strict",
        )


def _declared_by_history(turns: list[Turn], remarks: Remarks) -> list[Block]:
    """Declare the tools of earlier calls as little as possible; upstream must know their names."""
    names = {
        block["name"]: None
        for turn in turns
        for block in turn["content"]
        if block["type"] == "tool_use"
    }
    if names:
        remarks.warn("tools.redeclared", "tools", "declared again from the calls in the history")
    return [{"name": name, "input_schema": {"type": "object"}} for name in names]


def choice(
    request: ChatRequest, tools: list[Block], capabilities: Capabilities, remarks: Remarks
) -> Block | None:
    """Translate ``tool_choice`` and ``parallel_tool_calls``; None leaves it to the model.

    Raises:
        InvalidRequest: a function that is not declared, or a demand this model cannot be given.
    """
    declared = {tool["name"] for tool in tools} if request.get("tools") else set[str]()
    wanted = request.get("tool_choice") or ("auto" if declared else "none")
    block = _choice(wanted, declared)
    if block["type"] in ("any", "tool") and not capabilities.forced_tools:
        raise InvalidRequest(
            "'tool_choice': this model cannot be made to call a tool; use 'auto'.",
            param="tool_choice",
            code="unsupported_value",
        )
    if not tools:
        return None
    if request.get("parallel_tool_calls") is False and block["type"] != "none":
        block["disable_parallel_tool_use"] = True
    return None if block == {"type": "auto"} else block


def _choice(wanted: Any, declared: set[str]) -> Block:
    if wanted in ("none", "auto"):
        return {"type": wanted if declared else "none"}
    if wanted == "required":
        if not declared:
            raise InvalidRequest("'tool_choice' needs 'tools'.", param="tool_choice")
        return {"type": "any"}
    if wanted["type"] != "function":
        raise InvalidRequest(
            f"'tool_choice.type': the type '{wanted['type']}' is not supported yet.",
            param="tool_choice.type",
            code="unsupported_value",
        )
    name: str = wanted["function"]["name"]
    if name not in declared:
        raise InvalidRequest(
            f"'tool_choice.function.name': '{name}' is not declared in 'tools'.",
            param="tool_choice.function.name",
        )
    return {"type": "tool", "name": name}
