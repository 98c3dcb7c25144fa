"""A message as the events of its stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from isthmus.sandbox.tokens import pieces
from isthmus.wire import json

Event = dict[str, Any]

#: Events that count as content, for faults that happen after so many of them.
CONTENT = frozenset({"content_block_start", "content_block_delta", "content_block_stop"})


def events(message: dict[str, Any]) -> Iterator[Event]:
    """Tell ``message`` event by event, one token for each delta."""
    usage = message["usage"]
    begun_usage = {name: value for name, value in usage.items() if name != "server_tool_use"}
    begun: Event = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**begun_usage, "output_tokens": min(1, usage["output_tokens"])},
    }
    begun.pop("stop_details", None)
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        yield from _block(index, block)
    delta = {name: message.get(name) for name in ("stop_reason", "stop_sequence")}
    if "stop_details" in message:
        delta["stop_details"] = message["stop_details"]
    yield {"type": "message_delta", "delta": delta, "usage": usage}
    yield {"type": "message_stop"}


def _block(index: int, block: dict[str, Any]) -> Iterator[Event]:
    yield {"type": "content_block_start", "index": index, "content_block": _begun(block)}
    for delta in _deltas(block):
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _begun(block: dict[str, Any]) -> dict[str, Any]:
    """Return the block as it is before its first delta; some kinds have none and come whole."""
    match block["type"]:
        case "text":
            begun = {**block, "text": ""}
            return {**begun, "citations": []} if "citations" in block else begun
        case "thinking":
            return {**block, "thinking": "", "signature": ""}
        case "tool_use" | "server_tool_use":
            return {**block, "input": {}}
        case _:
            return block


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            for piece in pieces(block["text"]):
                yield {"type": "text_delta", "text": piece}
            for citation in block.get("citations", []):
                yield {"type": "citations_delta", "citation": citation}
        case "thinking":
            for piece in pieces(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use" | "server_tool_use" if block["input"]:
            for piece in pieces(json.encode_text(block["input"])):
                yield {"type": "input_json_delta", "partial_json": piece}
        case _:
            return
