"""A good answer as the Messages API gives it: a document, or the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from marker import TOOL, Wanted


def message(wanted: Wanted, answer_id: str) -> bytes:
    """Write a whole answer."""
    content: list[dict[str, Any]] = [{"type": "text", "text": wanted.text}]
    if wanted.arguments is not None:
        content.append(_call(answer_id, wanted.arguments))
    usage = _usage(wanted)
    whole = {**_opening(answer_id), "content": content, **_closing(wanted), "usage": usage}
    return json.dumps(whole, ensure_ascii=False).encode()


def events(wanted: Wanted, answer_id: str) -> list[bytes]:
    """Write the events of a stream; content begins with the fourth."""
    opening = {**_opening(answer_id), "usage": {**_usage(wanted), "output_tokens": 1}}
    listed: list[dict[str, Any]] = [{"type": "message_start", "message": opening}]
    listed += _block(0, {"type": "text", "text": ""}, "text_delta", "text", wanted.pieces)
    listed.insert(2, {"type": "ping"})
    if wanted.arguments is not None:
        text = json.dumps(wanted.arguments)
        pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
        call = _call(answer_id, {})
        listed += _block(1, call, "input_json_delta", "partial_json", pieces)
    ended = {"type": "message_delta", "delta": _closing(wanted), "usage": _usage(wanted)}
    return [framed(event) for event in (*listed, ended, {"type": "message_stop"})]


def _block(
    index: int, block: dict[str, Any], kind: str, member: str, pieces: Iterable[str]
) -> list[dict[str, Any]]:
    start = {"type": "content_block_start", "index": index, "content_block": block}
    deltas = [
        {"type": "content_block_delta", "index": index, "delta": {"type": kind, member: piece}}
        for piece in pieces
    ]
    return [start, *deltas, {"type": "content_block_stop", "index": index}]


def _opening(answer_id: str) -> dict[str, Any]:
    return {
        "id": answer_id,
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-6",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _closing(wanted: Wanted) -> dict[str, Any]:
    reason = "end_turn" if wanted.arguments is None else "tool_use"
    return {"stop_reason": reason, "stop_sequence": None}


def _call(answer_id: str, arguments: dict[str, Any]) -> dict[str, Any]:
    call_id = f"toolu_{answer_id.removeprefix('msg_')}"
    return {"type": "tool_use", "id": call_id, "name": TOOL, "input": arguments}


def _usage(wanted: Wanted) -> dict[str, int]:
    return {
        "input_tokens": wanted.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": wanted.output_tokens,
    }


def framed(event: dict[str, Any]) -> bytes:
    """Frame one event."""
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
