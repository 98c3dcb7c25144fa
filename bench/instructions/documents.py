"""What is asked and answered in the loops: documents and events of the sizes that agents send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MODEL = "claude-sonnet-4-6"
#: Stands once in each piece of a streamed text, whatever that is translated to.
MARK = b"~tok"

Document = dict[str, Any]

_TEXT = "The quick brown fox jumps over the lazy dog, and the lazy dog does not mind. "
_USAGE = {
    "input_tokens": 2512,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 2048,
    "output_tokens": 140,
    "service_tier": "standard",
}


def _tool(name: str) -> Document:
    properties = {
        "path": {"type": "string", "description": "Where to look, from the root of the project."},
        "limit": {"type": "integer", "description": "At most so many lines."},
        "kind": {"type": "string", "enum": ["file", "folder", "link"]},
        "flags": {"type": "array", "items": {"type": "string"}},
    }
    schema = {"type": "object", "properties": properties, "required": ["path"]}
    return {
        "type": "function",
        "function": {"name": name, "description": _TEXT * 2, "parameters": schema},
    }


def _rounds(count: int) -> Iterator[Document]:
    """Make turns of an agent: a question, a call of a tool, its result, an answer."""
    for number in range(count):
        call_id, arguments = f"call_{number}", json.dumps({"path": f"src/{number}.py", "limit": 40})
        call = {
            "id": call_id,
            "type": "function",
            "function": {"name": "read_file", "arguments": arguments},
        }
        yield {"role": "user", "content": [{"type": "text", "text": _TEXT * 3}]}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
        yield {"role": "tool", "tool_call_id": call_id, "content": _TEXT * 10}
        yield {"role": "assistant", "content": _TEXT * 4}


def agent_request() -> Document:
    """Return a chat request with a system prompt, eight tools and four rounds of a conversation."""
    return {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": _TEXT * 40},
            *_rounds(4),
            {"role": "user", "content": _TEXT},
        ],
        "tools": [_tool(name) for name in ("read_file", *(f"tool_{n}" for n in range(7)))],
        "tool_choice": "auto",
        "temperature": 0.2,
        "max_completion_tokens": 4096,
        "stop": ["END"],
        "user": "somebody",
    }


def short_request(**more: object) -> Document:
    """Return a chat request of one question."""
    return {"model": MODEL, "messages": [{"role": "user", "content": _TEXT}], **more}


def answer() -> Document:
    """Return a whole Messages answer: a text and two calls of tools."""
    calls = [
        {"type": "tool_use", "id": f"toolu_{n}", "name": "read_file", "input": {"path": "src/a.py"}}
        for n in range(2)
    ]
    return {
        "id": "msg_01bench",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": _TEXT * 8}, *calls],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": _USAGE,
    }


def opening() -> list[Document]:
    """Return the first events of a stream."""
    message = {
        **answer(),
        "content": [],
        "stop_reason": None,
        "usage": {**_USAGE, "output_tokens": 1},
    }
    return [{"type": "message_start", "message": message}, {"type": "ping"}]


def closing(stop_reason: str) -> list[Document]:
    """Return the last events of a stream."""
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": _USAGE},
        {"type": "message_stop"},
    ]


def begun(index: int, **block: object) -> Document:
    """Return the event that begins a content block."""
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, name: str, value: str) -> Document:
    """Return an event that goes on with a content block."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: value}}


def ended(index: int) -> Document:
    """Return the event that ends a content block."""
    return {"type": "content_block_stop", "index": index}


def text_piece() -> Document:
    """Return the event of one piece of text, with the mark in it."""
    return delta(0, "text_delta", "text", f" fox{MARK.decode()}")


def thought_and_calls() -> list[Document]:
    """Return the events of a stream of thinking, a little text and two calls of tools: 61."""
    events = [*opening(), begun(0, type="thinking", thinking="", signature="")]
    events += [delta(0, "thinking_delta", "thinking", " so the fox")] * 20
    events += [delta(0, "signature_delta", "signature", "c2lnbmF0dXJl" * 20), ended(0)]
    events += [begun(1, type="text", text="")]
    events += [delta(1, "text_delta", "text", " I will look.")] * 4 + [ended(1)]
    for index in (2, 3):
        events.append(begun(index, type="tool_use", id=f"toolu_{index}", name="look", input={}))
        pieces = ('{"path":', *[' "src/', 'a.py", "x":'] * 5, ' "b"}')
        events += [delta(index, "input_json_delta", "partial_json", piece) for piece in pieces]
        events.append(ended(index))
    return [*events, *closing("tool_use")]
