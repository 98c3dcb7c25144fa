"""How tool calls are told: as function or custom calls, or as the one call of old clients."""

from __future__ import annotations

from typing import Any

from isthmus.translate.to_messages.form import AnswerForm
from isthmus.translate.to_messages.free_text import unwrapped
from isthmus.wire import json
from isthmus.wire.messages.documents import Block


def members(blocks: list[Block], form: AnswerForm) -> dict[str, Any]:
    """Return what the calls among ``blocks`` add to a message; nothing where there are none."""
    calls = [_call(block, form) for block in blocks if block.get("type") == "tool_use"]
    if not calls:
        return {}
    if form.legacy:
        return {"function_call": calls[0]["function"]}
    return {"tool_calls": calls}


def _call(block: Block, form: AnswerForm) -> dict[str, Any]:
    name: str = block.get("name", "")
    value: Any = block.get("input") or {}
    if name in form.custom_tools:
        return {
            "id": block.get("id", ""),
            "type": "custom",
            "custom": {"name": name, "input": unwrapped(value)},
        }
    return {
        "id": block.get("id", ""),
        "type": "function",
        "function": {"name": name, "arguments": json.encode_text(value)},
    }


def opening(ordinal: int, block: Block, form: AnswerForm) -> dict[str, Any]:
    """Return the delta with which a call begins; ``ordinal`` counts the client's calls."""
    function = {"name": block["name"], "arguments": ""}
    if form.legacy:
        return {"function_call": function}
    call = {"index": ordinal, "id": block["id"], "type": "function", "function": function}
    return {"tool_calls": [call]}


def fragment(ordinal: int, text: str, form: AnswerForm) -> dict[str, Any]:
    """Return the delta that adds to the arguments of a call."""
    if form.legacy:
        return {"function_call": {"arguments": text}}
    return {"tool_calls": [{"index": ordinal, "function": {"arguments": text}}]}


def custom(ordinal: int, call_id: str, name: str, value: Any) -> dict[str, Any]:
    """Return the delta of a custom call; it comes in one piece, when its input is whole."""
    call = {
        "index": ordinal,
        "id": call_id,
        "type": "custom",
        "custom": {"name": name, "input": unwrapped(value)},
    }
    return {"tool_calls": [call]}
