"""A Messages stream becomes a chat stream, event by event.

A state machine without I/O: `feed` takes one event and returns the chunks it causes, `close` takes
the end of the input, and `finish` returns the last chunks, once that was the end of the turn. What
they return for a whole stream folds to what `response` returns for the whole message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from isthmus.call import Usage, plus
from isthmus.errors import UpstreamBroken
from isthmus.translate.chat_over_messages import calls, ending, reasoning
from isthmus.translate.chat_over_messages.annotations import url_citations
from isthmus.translate.chat_over_messages.open_block import OpenBlock
from isthmus.translate.chat_over_messages.response import SEPARATOR
from isthmus.translate.to_messages.ending import refusal_text, service_tier
from isthmus.translate.to_messages.forced import CallEvents
from isthmus.translate.to_messages.form import PLAIN, AnswerForm
from isthmus.translate.to_messages.json_object import Unfencing
from isthmus.translate.to_messages.thinking import thoughts_dropped
from isthmus.wire import json
from isthmus.wire.chat.documents import Chunk
from isthmus.wire.chat.usage import usage_document
from isthmus.wire.messages.documents import Block, Event
from isthmus.wire.messages.fold import CUTS_OFF
from isthmus.wire.messages.usage import UsageMeter

_MARK = "@"
_MARK_LITERAL = b'"@"'


class Splice(NamedTuple):
    """How the deltas of one kind and block are told: the text's JSON literal between ``parts``.

    Law: it is what encoding the chunk of `ChatStream.feed` gives, byte for byte.
    """

    block: int
    kind: str
    parts: tuple[bytes, ...]


class ChatStream:
    """Translates one stream. ``model`` is the name the caller used, ``created`` in Unix seconds.

    `complete` is true once the upstream's answer has ended as its protocol demands; only then may
    the stream be finished, or continued by a further answer to the same turn (`go_on`). The usage
    seen so far is `usage`, also of a stream that broke.
    """

    def __init__(
        self, *, model: str, created: int, include_usage: bool, form: AnswerForm = PLAIN
    ) -> None:
        self.complete = False
        self.message_id: str | None = None
        #: How many thoughts upstream has dropped from the history.
        self.thoughts_dropped = 0
        self._begun = False
        self._include_usage = include_usage
        self._form = form
        self._hide_thinking = form.hide_thinking
        self._call_events = None if form.forced is None else CallEvents(form.forced)
        self._unfencing = Unfencing() if form.json_object else None
        self._splices = self._unfencing is None and not form.cites
        self._chunk: Chunk = {
            "id": "",
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._meter = UsageMeter()
        self._used_before: Usage | None = None
        self._position = 0
        self._open: dict[int, OpenBlock] = {}
        self._seen = -1
        self._half_call = False
        self._calls = 0
        self._thoughts = 0
        self._has_text = False
        self._length = 0
        self._apart = False
        self._stop: dict[str, Any] | None = None
        #: Set while every text delta of a block is told in the same way; the fast path.
        self.splice: Splice | None = None

    @property
    def usage(self) -> Usage | None:
        """The usage as last told by the upstream, with that of earlier answers to the turn."""
        return plus(self._used_before, self._meter.usage)

    @property
    def unfenced(self) -> str:
        """The whole text of an answer that shall be JSON; nothing of others."""
        return self._unfencing.text if self._unfencing is not None else ""

    def feed(self, event: Event) -> list[Chunk]:
        """Translate one event. Unknown events, blocks and deltas cause nothing.

        Raises:
            UpstreamBroken: the event does not fit the protocol's grammar.
        """
        try:
            if self._call_events is not None:
                told = self._call_events.feed(event)
                return [chunk for each in told for chunk in self._take(each)]
            return self._take(event)
        except (KeyError, TypeError, AttributeError):
            raise UpstreamBroken("The upstream sent a malformed stream event.") from None

    def close(self) -> None:
        """Take the end of the input.

        A stop reason with no block open is a whole answer even where ``message_stop`` is missing.
        """
        if not (self.complete or self._stop is None or self._open):
            self._end({})

    def go_on(self) -> None:
        """Expect another answer to the same turn, whose blocks follow those of this one."""
        self._used_before = self.usage
        self._meter = UsageMeter()
        self._position += self._seen + 1
        self._seen = -1
        self._begun = self.complete = False
        self._stop = None
        self._open.clear()

    def _take(self, event: Event) -> list[Chunk]:
        step = self._STEPS.get(event["type"])
        return [] if step is None else step(self, event)

    def _delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> Chunk:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        chunk: Chunk = {**self._chunk, "choices": [choice]}
        if self._include_usage:
            chunk["usage"] = None
        return chunk

    # Message --------------------------------------------------------------------------------

    def _start(self, event: Event) -> list[Chunk]:
        if self._begun:
            raise UpstreamBroken("The upstream began a second message.")
        self._begun = True
        message: Block = event["message"]
        if self.message_id is not None:
            self._meter.take(message.get("usage"))
            return []
        self.message_id = str(message["id"])
        self.thoughts_dropped = thoughts_dropped(message)
        self._chunk["id"] = ending.completion_id(message["id"])
        self._meter.take(message.get("usage"))
        return [self._delta({"role": "assistant", "content": ""})]

    def _note_ending(self, event: Event) -> list[Chunk]:
        delta: Block = event["delta"]
        if delta.get("stop_reason") is not None:
            self._stop = delta
        self._meter.take(event.get("usage"))
        return []

    def _end(self, _event: Event) -> list[Chunk]:
        if not self._begun or self._stop is None:
            raise UpstreamBroken("The upstream ended its answer without a stop reason.")
        if self._half_call and self._stop["stop_reason"] not in CUTS_OFF:
            raise UpstreamBroken("The upstream ended its answer in the middle of a tool call.")
        self.complete = True
        return []

    def finish(self) -> list[Chunk]:
        """Return the chunks that say how the turn ended. Only where `complete`."""
        stop = self._stop or {}
        reason = ending.finish_reason(stop.get("stop_reason"), legacy=self._form.legacy)
        chunks: list[Chunk] = []
        rest = self._unfencing.close() if self._unfencing is not None else ""
        if rest:
            chunks.append(self._delta({"content": rest}))
        if stop.get("stop_reason") == "refusal":
            chunks.append(self._delta({"refusal": refusal_text(stop.get("stop_details"))}))
        last = self._delta({}, reason)
        if stop.get("stop_sequence") is not None:
            last["choices"][0]["stop_sequence"] = stop["stop_sequence"]
        usage = self.usage
        tier = service_tier(usage)
        if tier is not None:
            last["service_tier"] = tier
        chunks.append(last)
        if self._include_usage:
            figures = usage_document(usage or Usage())
            chunks.append({**self._chunk, "choices": [], "usage": figures})
        return chunks

    # Blocks ---------------------------------------------------------------------------------

    def _start_block(self, event: Event) -> list[Chunk]:
        index: int = event["index"]
        if index <= self._seen or not self._begun:
            raise UpstreamBroken("The upstream's content blocks are out of order.")
        self._seen = index
        self.splice = None
        content: Block = event["content_block"]
        kind: str = content["type"]
        block = OpenBlock(kind, self._position + index, content.get("input"))
        self._open[index] = block
        if kind != "text":
            self._apart = True
        start = self._STARTS.get(kind)
        return start(self, block, content) if start else []

    def _grow_block(self, event: Event) -> list[Chunk]:
        block = self._open.get(event["index"])
        if block is None:
            raise UpstreamBroken("The upstream continued a content block that is not open.")
        delta: Block = event["delta"]
        grow = self._DELTAS.get(delta["type"])
        return grow(self, block, delta) if grow else []

    def _stop_block(self, event: Event) -> list[Chunk]:
        block = self._open.pop(event["index"], None)
        if block is None:
            raise UpstreamBroken("The upstream ended a content block that is not open.")
        self.splice = None
        if block.start is not None and block.cited:
            found = url_citations({"citations": block.cited}, block.start, block.end)
            return [self._delta({"annotations": found})] if found else []
        return self._end_call(block) if block.kind == "tool_use" and not block.barred else []

    # Text -----------------------------------------------------------------------------------

    def _start_text(self, block: OpenBlock, content: Block) -> list[Chunk]:
        return self._text(block, content) if content.get("text") else []

    def _text(self, block: OpenBlock, delta: Block) -> list[Chunk]:
        text = _string(delta, "text")
        if not text:
            return []
        if self._apart:
            if self._has_text:
                text = SEPARATOR + text
            self._apart = False
        self._has_text = True
        block.end = self._length = self._length + len(text)
        if block.start is None:
            block.start = block.end - len(_string(delta, "text"))
        if self._unfencing is not None:
            text = self._unfencing.feed(text)
        return [self._delta({"content": text})] if text else []

    def _text_delta(self, block: OpenBlock, delta: Block) -> list[Chunk]:
        chunks = self._text(block, delta)
        if chunks and self.splice is None and self._splices and block.kind == "text":
            self._tell_alike(block, "text_delta", self._delta({"content": _MARK}))
        return chunks

    def _tell_alike(self, block: OpenBlock, kind: str, chunk: Chunk, times: int = 1) -> None:
        """From now on tell all deltas of a block as ``chunk``, with their text for the mark."""
        parts = json.encode(chunk).split(_MARK_LITERAL)
        # Where the mark is found elsewhere, somebody has a name like that. A call that comes as a
        # text is no delta of its kind.
        if len(parts) == times + 1 and self._call_events is None:
            self.splice = Splice(block.position - self._position, kind, tuple(parts))

    def _cite(self, block: OpenBlock, delta: Block) -> list[Chunk]:
        if block.kind == "text":
            block.cited.append(delta["citation"])
        return []

    # Tool calls -----------------------------------------------------------------------------

    def _start_call(self, block: OpenBlock, content: Block) -> list[Chunk]:
        if self._form.only is not None and content["name"] not in self._form.only:
            block.barred = True
            return []
        block.ordinal = self._calls
        self._calls += 1
        if content["name"] in self._form.custom_tools:
            block.custom = (content["id"], content["name"])
            return []
        if self._form.legacy and block.ordinal:
            return []  # such a client can take one call
        return [self._delta(calls.opening(block.ordinal, content, self._form))]

    def _arguments(self, block: OpenBlock, delta: Block) -> list[Chunk]:
        piece = _string(delta, "partial_json")
        if not piece or block.kind != "tool_use" or block.barred:
            return []
        block.written.append(piece)
        chunks = self._call_piece(block, piece)
        if chunks and self.splice is None:
            self._tell_alike(block, "input_json_delta", self._call_piece(block, _MARK)[0])
        return chunks

    def _call_piece(self, block: OpenBlock, piece: str) -> list[Chunk]:
        if block.custom or (self._form.legacy and block.ordinal):
            return []
        return [self._delta(calls.fragment(block.ordinal, piece, self._form))]

    def _end_call(self, block: OpenBlock) -> list[Chunk]:
        if block.custom:
            whole = _decoded("".join(block.written)) if block.written else block.input
            if whole is None:
                self._half_call = True
                return []
            return [self._delta(calls.custom(block.ordinal, *block.custom, whole))]
        if not block.written:
            return self._call_piece(block, json.encode_text(block.input or {}))
        return []

    # Thinking -------------------------------------------------------------------------------

    def _start_thinking(self, block: OpenBlock, content: Block) -> list[Chunk]:
        if self._hide_thinking:
            return []
        block.ordinal = self._thoughts
        self._thoughts += 1
        text: str = content.get("thinking", "")
        entry = reasoning.opening(block.ordinal, block.position, self._form.account)
        entry["text"] = text
        if content.get("signature"):
            entry["signature"] = content["signature"]
        return [self._delta({"reasoning_content": text, "reasoning_details": [entry]})]

    def _start_redacted(self, block: OpenBlock, content: Block) -> list[Chunk]:
        if self._hide_thinking:
            return []
        block.ordinal = self._thoughts
        self._thoughts += 1
        entry = reasoning.encrypted(
            content["data"], block.ordinal, block.position, self._form.account
        )
        return [self._delta({"reasoning_details": [entry]})]

    def _thinking(self, block: OpenBlock, delta: Block) -> list[Chunk]:
        text = _string(delta, "thinking")
        if not text or self._hide_thinking:
            return []
        if self.splice is None and block.kind == "thinking":
            self._tell_alike(block, "thinking_delta", self._thought(block, _MARK), times=2)
        return [self._thought(block, text)]

    def _thought(self, block: OpenBlock, text: str) -> Chunk:
        entry = {"type": "reasoning.text", "text": text, "index": block.ordinal}
        return self._delta({"reasoning_content": text, "reasoning_details": [entry]})

    def _signature(self, block: OpenBlock, delta: Block) -> list[Chunk]:
        if self._hide_thinking:
            return []
        signature = _string(delta, "signature")
        entry = {"type": "reasoning.text", "signature": signature, "index": block.ordinal}
        return [self._delta({"reasoning_details": [entry]})]

    # Of the class, not of each stream: methods bound there would keep it alive in a circle.
    _STEPS: ClassVar[dict[str, Callable[[ChatStream, Event], list[Chunk]]]] = {
        "message_start": _start,
        "content_block_start": _start_block,
        "content_block_delta": _grow_block,
        "content_block_stop": _stop_block,
        "message_delta": _note_ending,
        "message_stop": _end,
    }
    _STARTS: ClassVar[dict[str, Callable[[ChatStream, OpenBlock, Block], list[Chunk]]]] = {
        "text": _start_text,
        "tool_use": _start_call,
        "thinking": _start_thinking,
        "redacted_thinking": _start_redacted,
    }
    _DELTAS: ClassVar[dict[str, Callable[[ChatStream, OpenBlock, Block], list[Chunk]]]] = {
        "text_delta": _text_delta,
        "input_json_delta": _arguments,
        "thinking_delta": _thinking,
        "signature_delta": _signature,
        "citations_delta": _cite,
    }


def _decoded(text: str) -> Any:
    """Return the JSON value; None for half of one."""
    try:
        return json.decode(text.encode())
    except (json.MalformedJSON, UnicodeEncodeError):
        return None


def _string(delta: Block, name: str) -> str:
    value = delta[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value
