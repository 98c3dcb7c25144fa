"""What tools a model may know of: ``tools``.

Tools are never taken away from a request to keep the model from calling any: the history refers to
them, the prompt cache begins with them. ``tool_choice`` says it instead.
"""

from __future__ import annotations

import re
from typing import Any

from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.free_text import WRAPPED
from isthmus.translate.to_messages.marks import put, written
from isthmus.translate.to_messages.schema import Size, UnfitSchema, normalised, size_of
from isthmus.wire.chat.documents import ChatRequest, CustomDeclaration, FunctionDeclaration, Tool
from isthmus.wire.messages.documents import Block, Turn

#: Upstream's limit on tools whose arguments follow a grammar.
MAX_STRICT = 20
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)


def declarations(
    request: ChatRequest, turns: list[Turn], output_format: Block | None, remarks: Remarks
) -> list[Block]:
    """Translate ``tools``; where there are none but the history has calls, declare those.

    ``output_format`` shares its limits with strict tools.
    """
    tools = request.get("tools")
    if not tools:
        return _declared_by_history(turns, remarks)
    declared: dict[str, Block] = {}
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        block = _declaration(tool, path, remarks)
        if block["name"] in declared:
            where = f"{path}.{tool['type']}.name"
            raise InvalidRequest(
                f"'{where}': the name '{block['name']}' is declared twice.", param=where
            )
        put(written(tool, path, remarks), block)
        put(written(tool[tool["type"]], f"{path}.{tool['type']}", remarks), block)
        declared[block["name"]] = block
    _loosen_excess(declared, output_format, remarks)
    return list(declared.values())


def _declaration(tool: Tool, path: str, remarks: Remarks) -> Block:
    if tool["type"] == "custom":
        return _custom(tool["custom"], f"{path}.custom", remarks)
    function, path = tool["function"], f"{path}.function"
    block: Block = {"name": _name(function, path)}
    description = function.get("description")
    if description:
        block["description"] = description
    block["input_schema"] = _object_schema(function, path)
    if function.get("strict"):
        _make_strict(block, path, remarks)
    return block


def _name(declared: FunctionDeclaration | CustomDeclaration, path: str) -> str:
    name = declared.get("name", "")
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"'{path}.name' must have 1 to 64 letters, digits, underscores or dashes.",
            param=f"{path}.name",
        )
    return name


def _custom(custom: CustomDeclaration, path: str, remarks: Remarks) -> Block:
    """Wrap free text into the one member of an object, which is all that Claude's tools take."""
    block: Block = {"name": _name(custom, path)}
    words = [custom.get("description") or ""]
    grammar = (custom.get("format") or {}).get("grammar")
    if grammar:
        syntax, definition = grammar["syntax"], grammar["definition"]
        words.append(f"The input follows a {syntax} grammar:\n{definition}")
        remarks.warn("tools.custom.grammar", f"{path}.format", "only described")
    if any(words):
        block["description"] = "\n\n".join(filter(None, words))
    block["input_schema"] = {
        "type": "object",
        "properties": {WRAPPED: {"type": "string"}},
        "required": [WRAPPED],
        "additionalProperties": False,
    }
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


def _loosen_excess(
    declared: dict[str, Block], output_format: Block | None, remarks: Remarks
) -> None:
    """Keep as many tools strict as the grammar can hold, the first ones first."""
    spent = size_of(output_format["schema"]) if output_format is not None else Size()
    kept = 0
    for block in declared.values():
        if "strict" not in block:
            continue
        size = size_of(block["input_schema"])
        if kept < MAX_STRICT and (spent + size).fits:
            spent += size
            kept += 1
            continue
        del block["strict"]
        remarks.warn(
            "tools.strict.excess",
            f"tools.{block['name']}.strict",
            "dropped, the grammar has no room for more strict tools",
        )


def _declared_by_history(turns: list[Turn], remarks: Remarks) -> list[Block]:
    """Declare the tools of earlier calls as little as possible; upstream must know their names."""
    names: dict[str, None] = {}
    for turn in turns:
        if turn["role"] == "assistant":
            names |= {b["name"]: None for b in turn["content"] if b["type"] == "tool_use"}
    if not names:
        return []
    remarks.warn("tools.redeclared", "tools", "declared again from the calls in the history")
    return [{"name": name, "input_schema": {"type": "object"}} for name in names]


def custom_names(request: ChatRequest) -> frozenset[str]:
    """Return the names of the tools whose input is free text."""
    tools = request.get("tools")
    if not tools:
        return frozenset()
    return frozenset(tool["custom"].get("name", "") for tool in tools if tool["type"] == "custom")
