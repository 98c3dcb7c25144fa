"""Folds the events of a Messages stream back into the message a unary call would have returned."""

from __future__ import annotations

from typing import Any, cast

from msgspec import Raw

from isthmus.errors import UpstreamBroken
from isthmus.wire import json
from isthmus.wire.messages.documents import Block, Event, Message
from isthmus.wire.messages.usage import UsageMeter

#: What a delta of each type brings, and the member of the block that it makes longer.
_GROWS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("partial_json", "input"),
}

#: Stop reasons that may leave the last tool call half written.
CUTS_OFF = frozenset({"max_tokens", "model_context_window_exceeded", "refusal"})


class Fold:
    """Takes events in order; `message` is what they add up to.

    A tool call whose arguments were cut off is left out of the message: half a call must never look
    like a whole one.
    """

    def __init__(self) -> None:
        self.meter = UsageMeter()
        self.complete = False
        self._message: Message = {}
        self._blocks: dict[int, Block] = {}
        self._pieces: dict[int, dict[str, list[str | bytes]]] = {}
        self._open: set[int] = set()
        self._written: dict[int, str] = {}

    def feed(self, event: Event) -> None:
        """Take one event; events of unknown types change nothing.

        Raises:
            UpstreamBroken: the event does not fit the grammar.
        """
        try:
            match event["type"]:
                case "content_block_delta":
                    self._grow_block(event)
                case "content_block_start":
                    self._start_block(event)
                case "content_block_stop":
                    self._stop_block(event)
                case "message_start":
                    self._start(event)
                case "message_delta":
                    self._delta(event)
                case "message_stop":
                    self._stop()
                case _:
                    return
        except (KeyError, TypeError, AttributeError, ValueError):
            raise UpstreamBroken("The upstream sent a malformed stream event.") from None

    def close(self) -> None:
        """Mark the end of the input: complete if a stop reason was seen and no block is open."""
        if self._message.get("stop_reason") and not self._open:
            self.complete = True

    @property
    def message(self) -> Message:
        """The message so far, with its usage as last told."""
        message = self._message.copy()
        message["content"] = [
            block for index, block in sorted(self._blocks.items()) if self._is_whole(index)
        ]
        if self.meter.document:
            message["usage"] = self.meter.document
        return message

    @property
    def verbatim(self) -> list[Block]:
        """The content so far, with the arguments of tool calls as the very text they came in."""
        return [
            {**block, "input": Raw(self._written[index].encode())}
            if index in self._written
            else block
            for index, block in sorted(self._blocks.items())
            if self._is_whole(index)
        ]

    def literals(self, index: int, kind: str) -> list[str | bytes]:
        """Return where a block grows by deltas of a kind; literals there are decoded at its end.

        Raises:
            UpstreamBroken: no such block is open.
        """
        if index not in self._open:
            raise UpstreamBroken("The upstream continued a content block that is not open.")
        return self._pieces[index].setdefault(_GROWS[kind][1], [])

    def _is_whole(self, index: int) -> bool:
        return index not in self._open or self._blocks[index].get("type") != "tool_use"

    def _start(self, event: Event) -> None:
        if self._message:
            raise ValueError
        self._message = cast("Message", dict(event["message"]))
        self.meter.take(self._message.get("usage"))

    def _start_block(self, event: Event) -> None:
        index: int = event["index"]
        if index in self._blocks or not self._message:
            raise ValueError
        self._blocks[index] = dict(event["content_block"])
        self._pieces[index] = {}
        self._open.add(index)

    def _grow_block(self, event: Event) -> None:
        index: int = event["index"]
        if index not in self._open:
            raise ValueError
        delta: dict[str, Any] = event["delta"]
        kind: str = delta["type"]
        if kind in _GROWS:
            brought, member = _GROWS[kind]
            self._pieces[index].setdefault(member, []).append(delta[brought])
        elif kind == "citations_delta":
            citations: list[Any] = self._blocks[index].get("citations") or []
            self._blocks[index]["citations"] = [*citations, delta["citation"]]

    def _stop_block(self, event: Event) -> None:
        index: int = event["index"]
        if index not in self._open:
            raise ValueError
        block = self._blocks[index]
        for member, pieces in self._pieces.pop(index).items():
            text = _joined(pieces)
            if member != "input":
                block[member] = block.get(member, "") + text
            elif text:
                arguments = _arguments(text)
                if arguments is None:
                    return  # stays open: whether that is a failure, the stop reason tells
                block["input"] = arguments
                self._written[index] = text
        self._open.discard(index)

    def _delta(self, event: Event) -> None:
        delta: dict[str, Any] = event["delta"]
        for name in ("stop_reason", "stop_sequence", "stop_details"):
            if delta.get(name) is not None:
                self._message[name] = delta[name]
        self.meter.take(event.get("usage"))

    def _stop(self) -> None:
        for index in sorted(self._open & self._pieces.keys()):
            self._stop_block({"index": index})
        reason = self._message.get("stop_reason")
        if reason is None or (self._open and reason not in CUTS_OFF):
            raise ValueError
        self.complete = True


def _joined(pieces: list[str | bytes]) -> str:
    """Join texts, and texts that are still JSON literals: those in a row are decoded at once."""
    text = ""
    inner: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            inner.append(piece[1:-1])
            continue
        text += _decoded(inner) + piece
        inner.clear()
    return text + _decoded(inner)


def _decoded(inner: list[bytes]) -> str:
    return json.decode(b'"%b"' % b"".join(inner)) if inner else ""


def _arguments(text: str) -> dict[str, Any] | None:
    try:
        arguments: object = json.decode(text.encode())
    except (json.MalformedJSON, UnicodeEncodeError):
        return None
    return cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else None
