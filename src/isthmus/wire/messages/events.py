"""Stream events of the Messages protocol: from frames to documents and back, and which count.

Grammar: message_start, then per block content_block_start, content_block_delta*,
content_block_stop, then message_delta (one or more), message_stop. ``ping`` may come anywhere,
``error`` ends the stream. Events of unknown types are ignored, as the protocol demands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import Raw, Struct

from isthmus.errors import UpstreamBroken
from isthmus.wire import json
from isthmus.wire.messages.documents import Event
from isthmus.wire.sse import ServerEvent, named_frame

#: Events after which an attempt has shown content, or has come to its end without any.
CONTENT = frozenset({"content_block_start", "content_block_delta", "message_delta", "message_stop"})


def is_content(event: Event | TextDelta) -> bool:
    """Say whether an event shows content, or the end of an answer without any."""
    return isinstance(event, TextDelta) or event["type"] in CONTENT


class TextDelta(NamedTuple):
    """A ``text_delta`` whose text was not decoded: ``literal`` is its JSON string, quotes included.

    The text of most events only passes through. The literal is one that our own encoder would have
    written, so whoever puts it into another document gets the very same bytes.
    """

    block: int
    literal: bytes

    @property
    def event(self) -> Event:
        """The event as a document, as `decode` would have returned it."""
        delta = {"type": "text_delta", "text": json.decode(self.literal)}
        return {"type": "content_block_delta", "index": self.block, "delta": delta}


class _Delta(Struct):
    type: str
    text: Raw = Raw(b"")


class _DeltaEvent(Struct):
    type: str
    index: int
    delta: _Delta


#: Makes a named tuple without the detour by its ``__new__``: a stream has many deltas.
_new: Callable[..., Any] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
_delta_decoder = msgspec.json.Decoder(_DeltaEvent)


def framed(event: Event) -> bytes:
    """Write one event as it is sent; a client ignores events that do not have their name."""
    return named_frame(event["type"], json.encode(event))


def decode(frame: ServerEvent) -> Event | TextDelta:
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


def _text_delta(data: bytes) -> TextDelta | None:
    """Read a text delta without decoding its text; None for everything that needs a closer look."""
    try:
        event = _delta_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if event.delta.type != "text_delta" or event.type != "content_block_delta":
        return None
    literal = bytes(event.delta.text)
    # Escapes that our encoder writes in another way, empty texts, and what is no text at all.
    if len(literal) <= 2 or literal[0] != 34 or b"\\u" in literal or b"\\/" in literal:
        return None
    if not literal.isascii():
        try:
            literal.decode()  # the decoder does not look into what it leaves raw
        except UnicodeDecodeError:
            return None
    return _new(TextDelta, (event.index, literal))
