"""The bytes of a Messages answer, whole or streamed, up to where something goes wrong."""

from __future__ import annotations

import json
import random
from typing import Any, Literal, NamedTuple

from faults import Fault
from marker import TOOL, Wanted

#: How a connection goes on after the last byte: ``keep``: with the next request.
Ending = Literal["keep", "reset", "close", "stall"]

_HTML = b"<!doctype html><title>Sign in</title><p>Your session has expired."
_GARBAGE = b'event: content_block_delta\ndata: {"type": "content_block_delta", oops\n\n'
_TRICKLE = 40
#: Seconds between the pieces of a trickle, and between those of an answer at an ordinary pace.
_SLOW, _PACES = 0.15, (0.0, 0.0, 0.002, 0.02)
#: Even an answer without pauses is not written in one go.
_AT_ONCE = 16 * 1024


class Script(NamedTuple):
    """What one request is answered with: pieces, the seconds after each, and the ending."""

    pieces: list[bytes]
    pause: float = 0.0
    ending: Ending = "keep"


def written(wanted: Wanted, answer_id: str, *, stream: bool, fault: Fault | None) -> Script:
    """Write an answer, or what is left of it by a fault; the same for the same id."""
    rng = random.Random(answer_id)
    if fault is not None and fault.when == "instead":
        return _instead(fault)
    if stream:
        return _streamed(_events(wanted, answer_id), fault, rng)
    return _whole(_message(wanted, answer_id), fault, rng)


def head(status: int, content_type: str, *framing: str) -> bytes:
    """Write the head of an answer."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", "request-id: req_chaos"]
    return "\r\n".join([*lines, *framing, "", ""]).encode()


def refusal(status: int, kind: str, message: str, *headers: str) -> bytes:
    """Write a whole answer that is an error of the platform."""
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    return head(status, "application/json", f"content-length: {len(body)}", *headers) + body


def _instead(fault: Fault) -> Script:
    if fault.how == "status":
        headers = [f"retry-after: {fault.retry_after}"] if fault.retry_after else []
        return Script([refusal(fault.status, fault.kind, "As the weather is.", *headers)])
    if fault.how == "html":
        length = f"content-length: {len(_HTML)}"
        return Script([head(200, "text/html; charset=utf-8", length) + _HTML])
    return Script([], ending=_ending(fault))


def _ending(fault: Fault) -> Ending:
    if fault.how in ("reset", "close", "stall"):
        return fault.how  # type: ignore[return-value]
    return "keep"


def _whole(message: dict[str, Any], fault: Fault | None, rng: random.Random) -> Script:
    """Write a JSON document; a fault cuts it short, or replaces its end."""
    body = json.dumps(message, ensure_ascii=False).encode()
    start = head(200, "application/json", f"content-length: {len(body)}")
    if fault is None:
        return Script([start, *_torn(body, rng)])
    if fault.how == "trickle":
        return Script([start, *_cut(body, _TRICKLE)], pause=_SLOW / 2)
    if fault.how == "error" and fault.when == "before":
        return Script([refusal(529, fault.kind, "Overloaded.")])
    half = body[: 0 if fault.when == "before" else len(body) // 2]
    if fault.how in ("reset", "close", "stall"):
        return Script([start, half], ending=_ending(fault))
    cut = half or b"{oops"
    return Script([head(200, "application/json", f"content-length: {len(cut)}") + cut])


def _streamed(events: list[bytes], fault: Fault | None, rng: random.Random) -> Script:
    """Write a stream in chunks; a fault takes the place of the rest."""
    start = head(200, "text/event-stream; charset=utf-8", "transfer-encoding: chunked")
    if fault is None:
        pause = rng.choice(_PACES) if len(events) < 100 else 0.0
        chunks = [_chunk(event) for event in events]
        if rng.random() < 0.3 and len(events) < 100:
            return Script([start, *_torn(b"".join([*chunks, b"0\r\n\r\n"]), rng)], pause=0.001)
        whole = chunks if pause else _cut(b"".join(chunks), 1 + sum(map(len, chunks)) // _AT_ONCE)
        return Script([start, *whole, b"0\r\n\r\n"], pause=pause)
    if fault.how == "trickle":
        body = b"".join(map(_chunk, events)) + b"0\r\n\r\n"
        return Script([start, *_cut(body, _TRICKLE)], pause=_SLOW)
    # The first only says that an answer begins.
    kept = events[: rng.randint(0, 1)]
    if fault.when == "after":
        kept = events[: rng.randint(4, max(4, len(events) - 2))]
    pieces = [start, *map(_chunk, kept)]
    if fault.how == "error":
        error = {"type": "error", "error": {"type": fault.kind, "message": "Overloaded."}}
        return Script([*pieces, _chunk(_framed(error)), b"0\r\n\r\n"], pause=0.001)
    if fault.how == "garbage":
        return Script([*pieces, _chunk(_GARBAGE), *map(_chunk, events[-2:]), b"0\r\n\r\n"])
    if fault.how == "end":
        return Script([*pieces, b"0\r\n\r\n"])
    return Script(pieces, pause=rng.choice((0.0, 0.005)), ending=_ending(fault))


def _message(wanted: Wanted, answer_id: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": wanted.text}]
    if wanted.arguments is not None:
        content.append(_call(answer_id, wanted.arguments))
    return {**_opening(answer_id), "content": content, **_closing(wanted), "usage": _usage(wanted)}


def _events(wanted: Wanted, answer_id: str) -> list[bytes]:
    opening = {**_opening(answer_id), "usage": {**_usage(wanted), "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": opening}]
    events += _block(0, {"type": "text", "text": ""}, "text_delta", "text", wanted.pieces)
    events.insert(2, {"type": "ping"})
    if wanted.arguments is not None:
        text = json.dumps(wanted.arguments)
        pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
        call = _call(answer_id, {})
        events += _block(1, call, "input_json_delta", "partial_json", pieces)
    ended = {"type": "message_delta", "delta": _closing(wanted), "usage": _usage(wanted)}
    return [_framed(event) for event in (*events, ended, {"type": "message_stop"})]


def _block(
    index: int, block: dict[str, Any], kind: str, member: str, pieces: Any
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


def _framed(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def _chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def _cut(body: bytes, count: int) -> list[bytes]:
    """Cut into about so many pieces of one length."""
    size = max(1, -(-len(body) // count))
    return [body[at : at + size] for at in range(0, len(body), size)]


def _torn(body: bytes, rng: random.Random) -> list[bytes]:
    """Tear at random places, in the middle of characters as well."""
    places = sorted(rng.sample(range(1, len(body)), min(8, len(body) - 1)))
    return [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]
