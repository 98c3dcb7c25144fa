"""Stream events of the Messages protocol: from frames to documents and back, and which count.

Grammar: message_start, then per block content_block_start, content_block_delta*,
content_block_stop, then message_delta (one or more), message_stop. ``ping`` may come anywhere,
``error`` ends the stream. Events of unknown types are ignored, as the protocol demands.
"""

from __future__ import annotations

import re
from typing import NamedTuple, cast

import msgspec
from msgspec import Raw, Struct

from isthmus.errors import UpstreamBroken
from isthmus.wire import json
from isthmus.wire.messages.documents import Event
from isthmus.wire.sse import ServerEvent, named_frame

#: Events after which an attempt has shown content, or has come to its end without any.
CONTENT = frozenset({"content_block_start", "content_block_delta", "message_delta", "message_stop"})


def is_content(event: Event | TextRun) -> bool:
    """Say whether an event shows content, or the end of an answer without any."""
    return isinstance(event, TextRun) or event["type"] in CONTENT


class TextRun(NamedTuple):
    """Deltas of one kind and block, in a row, whose text was not decoded.

    The text of most events only passes through: ``literals`` are the JSON strings, quotes included.
    They are such as our own encoder would have written, so whoever puts them into another document
    gets the very same bytes.
    """

    block: int
    kind: str
    literals: list[bytes]

    @property
    def events(self) -> list[Event]:
        """The events as documents, as `decode` would have returned them."""
        return [_document(self.block, self.kind, literal) for literal in self.literals]


#: The kinds of deltas that bring a text, and the member that holds it.
TEXTS = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}


def _document(block: int, kind: str, literal: bytes) -> Event:
    delta = {"type": kind, TEXTS[kind]: json.decode(literal)}
    return {"type": "content_block_delta", "index": block, "delta": delta}


class _Delta(Struct):
    type: str
    text: Raw = Raw(b"")
    partial_json: Raw = Raw(b"")
    thinking: Raw = Raw(b"")


class _DeltaEvent(Struct):
    type: str
    index: int
    delta: _Delta


#: A JSON string that is written as our encoder would: other escapes are written in another way,
#: and empty texts cause nothing.
_LITERAL = re.compile(rb'"(?:[^"\\\x00-\x1f]++|\\["\\bfnrt])++"')
_delta_decoder = msgspec.json.Decoder(_DeltaEvent)


def framed(event: Event) -> bytes:
    """Write one event as it is sent; a client ignores events that do not have their name."""
    return named_frame(event["type"], json.encode(event))


def decode(frame: ServerEvent) -> Event | TextRun:
    """Decode one frame; a text delta stays as it came where that is possible.

    Raises:
        UpstreamBroken: the data is not a JSON object with a type.
    """
    if frame.name == "content_block_delta":
        delta = _text_delta(frame.data)
        if delta is not None:
            return delta
    try:
        event: object = json.decode_tolerantly(frame.data)
    except json.MalformedJSON:
        raise UpstreamBroken("The upstream sent an event that is not JSON.") from None
    if not isinstance(event, dict):
        raise UpstreamBroken("The upstream sent an event that is not an object.")
    document = cast("Event", event)
    if not isinstance(document.get("type"), str):
        document["type"] = frame.name
    return document


def _text_delta(data: bytes) -> TextRun | None:
    """Read a delta without decoding its text; None for everything that needs a closer look."""
    try:
        event = _delta_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    delta = event.delta
    if delta.type not in TEXTS or event.type != "content_block_delta":
        return None
    literal = bytes(getattr(delta, TEXTS[delta.type]))
    return TextRun(event.index, delta.type, [literal]) if is_literal(literal) else None


def is_literal(text: bytes) -> bool:
    """Say whether ``text`` is a JSON string as our encoder writes it, and not an empty one."""
    if _LITERAL.fullmatch(text) is None:
        return False
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            return False
    return True
