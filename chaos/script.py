"""The bytes an upstream sends, whole or streamed, up to where something goes wrong."""

from __future__ import annotations

import json
import random
from typing import Literal, NamedTuple, cast

import answer
from faults import Fault
from marker import Wanted

#: How a connection goes on after the last byte: ``keep``: with the next request.
Ending = Literal["keep", "reset", "close", "stall"]

_HTML = b"<!doctype html><title>Sign in</title><p>Your session has expired."
_GARBAGE = b'event: content_block_delta\ndata: {"type": "content_block_delta", oops\n\n'
_LAST_CHUNK = b"0\r\n\r\n"
#: Seconds between the pieces of a slow answer, and into how many it is cut.
_SLOW, _TRICKLE = 0.15, 40
#: Seconds between the events of an answer at an ordinary pace.
_PACES = (0.0, 0.0, 0.002, 0.02)
#: Even an answer without pauses is not written in one go, nor one of so many events at a pace.
_AT_ONCE, _MANY = 16 * 1024, 100
#: How often an answer is torn at random places.
_TEARING = 0.3


class Script(NamedTuple):
    """What one request is answered with: pieces, the seconds after each, and the ending."""

    pieces: list[bytes]
    pause: float = 0.0
    ending: Ending = "keep"


def written(
    wanted: Wanted, answer_id: str, *, stream: bool, fault: Fault | None, slow: bool = False
) -> Script:
    """Write an answer, or what is left of it by a fault; the same for the same id."""
    rng = random.Random(answer_id)
    if fault is not None and fault.when == "instead":
        return _instead(fault)
    if not stream:
        body = answer.message(wanted, answer_id)
        return _whole(body, rng, slow=slow) if fault is None else _whole_spoilt(body, fault)
    events = answer.events(wanted, answer_id)
    return _streamed(events, rng, slow=slow) if fault is None else _spoilt(events, fault, rng)


def head(status: int, content_type: str, *framing: str) -> bytes:
    """Write the head of an answer."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", "request-id: req_chaos"]
    return "\r\n".join([*lines, *framing, "", ""]).encode()


def refusal(status: int, kind: str, message: str, *headers: str) -> bytes:
    """Write a whole answer that is an error of the platform."""
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    return head(status, "application/json", f"content-length: {len(body)}", *headers) + body


def _instead(fault: Fault) -> Script:
    """Write what comes in place of any answer."""
    if fault.how == "status":
        headers = [f"retry-after: {fault.retry_after}"] if fault.retry_after else []
        return Script([refusal(fault.status, fault.kind, "As the weather is.", *headers)])
    if fault.how == "html":
        length = f"content-length: {len(_HTML)}"
        return Script([head(200, "text/html; charset=utf-8", length) + _HTML])
    return Script([], ending=_ending(fault))


def _whole(body: bytes, rng: random.Random, *, slow: bool) -> Script:
    if slow:
        return Script([_json_head(body), *_cut(body, _TRICKLE // 2)], pause=_SLOW)
    return Script([_json_head(body), *_torn(body, rng)])


def _whole_spoilt(body: bytes, fault: Fault) -> Script:
    """Write a document that is cut short, late, or something else."""
    if fault.how == "trickle":
        return Script([_json_head(body), *_cut(body, _TRICKLE)], pause=_SLOW / 2)
    if fault.how == "error" and fault.when == "before":
        return Script([refusal(529, fault.kind, "Overloaded.")])
    half = body[: 0 if fault.when == "before" else len(body) // 2]
    if fault.how in ("reset", "close", "stall"):
        return Script([_json_head(body), half], ending=_ending(fault))
    document = half or b"{oops"
    return Script([_json_head(document), document])


def _streamed(events: list[bytes], rng: random.Random, *, slow: bool) -> Script:
    chunks = [*map(_chunk, events), _LAST_CHUNK]
    if slow:
        return Script([_STREAM_HEAD, *chunks], pause=_SLOW)
    body = b"".join(chunks)
    if len(events) > _MANY:
        return Script([_STREAM_HEAD, *_cut(body, len(body) // _AT_ONCE)])
    if rng.random() < _TEARING:
        return Script([_STREAM_HEAD, *_torn(body, rng)], pause=0.001)
    return Script([_STREAM_HEAD, *chunks], pause=rng.choice(_PACES))


def _spoilt(events: list[bytes], fault: Fault, rng: random.Random) -> Script:
    """Write a stream that goes wrong before its fourth event or after it, or is late."""
    if fault.how == "trickle":
        body = b"".join(map(_chunk, events)) + _LAST_CHUNK
        return Script([_STREAM_HEAD, *_cut(body, _TRICKLE)], pause=_SLOW)
    # All content may have come, but nothing that says so.
    kept = rng.randint(4, len(events) - 2) if fault.when == "after" else rng.randint(0, 1)
    pieces = [_STREAM_HEAD, *map(_chunk, events[:kept])]
    if fault.how == "error":
        error = {"type": "error", "error": {"type": fault.kind, "message": "Overloaded."}}
        pieces += [_chunk(answer.framed(error)), _LAST_CHUNK]
    elif fault.how == "garbage":
        pieces += [_chunk(_GARBAGE), *map(_chunk, events[-2:]), _LAST_CHUNK]
    elif fault.how == "end":
        pieces.append(_LAST_CHUNK)
    return Script(pieces, pause=rng.choice((0.0, 0.005)), ending=_ending(fault))


def _ending(fault: Fault) -> Ending:
    return cast("Ending", fault.how) if fault.how in ("reset", "close", "stall") else "keep"


_STREAM_HEAD = head(200, "text/event-stream; charset=utf-8", "transfer-encoding: chunked")


def _json_head(body: bytes) -> bytes:
    return head(200, "application/json", f"content-length: {len(body)}")


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
