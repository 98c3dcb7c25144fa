"""A Messages stream becomes a Responses stream, event by event.

A state machine without I/O: `feed` takes one event and returns the events it causes, `close` takes
the end of the input, and `finish` returns the last events, once that was the end of the turn. The
response in the last event is what `response` returns for the whole message. A stream that fails
ends with `fail`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from isthmus.call import Usage, plus
from isthmus.errors import GatewayError, UpstreamBroken
from isthmus.translate.responses_over_messages import output_items as items
from isthmus.translate.responses_over_messages.echo import response_document
from isthmus.translate.responses_over_messages.ending import CUT_OFF, ended, failed
from isthmus.translate.responses_over_messages.form import Head, ResponseForm
from isthmus.translate.responses_over_messages.open_items import (
    OpenCall,
    OpenMessage,
    OpenReasoning,
    OpenSearch,
    Place,
)
from isthmus.translate.responses_over_messages.response import SEPARATOR, THOUGHTS
from isthmus.translate.to_messages.ending import refusal_text
from isthmus.translate.to_messages.forced import CallEvents
from isthmus.translate.to_messages.json_object import Unfencing
from isthmus.translate.to_messages.thinking import thoughts_dropped
from isthmus.translate.to_messages.web_search import cited
from isthmus.wire import json
from isthmus.wire.messages.documents import Block, Event
from isthmus.wire.messages.fold import CUTS_OFF
from isthmus.wire.messages.usage import UsageMeter
from isthmus.wire.responses.errors import error_members
from isthmus.wire.responses.events import Numbering

_Open = OpenMessage | OpenReasoning | OpenCall | OpenSearch


class _OpenBlock:
    """A content block that is under way, and the item that tells it, if one does."""

    __slots__ = ("cited", "input", "item", "kind", "start", "written")

    def __init__(self, content: Block) -> None:
        self.kind: str = content["type"]
        self.item: _Open | None = None
        #: The input a call began with, and the pieces that came since.
        self.input: Any = content.get("input")
        self.written: list[str] = []
        #: Where a text begins in its message, and what it cites.
        self.start = 0
        self.cited: list[Block] = []


class ResponseStream:
    """Translates one stream.

    `complete` is true once the upstream's answer has ended as its protocol demands; only then may
    the stream be finished, or continued by a further answer to the same turn (`go_on`). The usage
    seen so far is `usage`, also of a stream that broke.
    """

    def __init__(self, *, head: Head, form: ResponseForm) -> None:
        self.complete = False
        self.message_id: str | None = None
        #: How many thoughts upstream has dropped from the history.
        self.thoughts_dropped = 0
        self._head = head
        self._form = form
        self._call_events = None if form.answer.forced is None else CallEvents(form.answer.forced)
        self._begun = False
        self._numbering = Numbering()
        self._meter = UsageMeter()
        self._used_before: Usage | None = None
        self._blocks: dict[int, _OpenBlock] = {}
        self._seen = -1
        self._items: list[_Open] = []
        #: The message or the run of thinking that may still grow.
        self._current: OpenMessage | OpenReasoning | None = None
        self._searches: list[OpenSearch] = []
        self._apart = False
        self._half_call = False
        self._stop: dict[str, Any] | None = None

    @property
    def usage(self) -> Usage | None:
        """The usage as last told by the upstream, with that of earlier answers to the turn."""
        return plus(self._used_before, self._meter.usage)

    @property
    def output(self) -> list[dict[str, Any]]:
        """The items that have ended."""
        return [one.item for one in self._items if one.item is not None]

    def feed(self, event: Event) -> list[Event]:
        """Translate one event. Unknown events, blocks and deltas cause nothing.

        Raises:
            UpstreamBroken: the event does not fit the protocol's grammar.
        """
        try:
            if self._call_events is not None:
                told = self._call_events.feed(event)
                return [caused for each in told for caused in self._take(each)]
            return self._take(event)
        except (KeyError, TypeError, AttributeError):
            raise UpstreamBroken("The upstream sent a malformed stream event.") from None

    def close(self) -> None:
        """Take the end of the input.

        A stop reason with no block open is a whole answer even where ``message_stop`` is missing.
        """
        if not (self.complete or self._stop is None or self._blocks):
            self.feed({"type": "message_stop"})

    def go_on(self) -> None:
        """Expect another answer to the same turn, whose blocks follow those of this one."""
        self._used_before = self.usage
        self._meter = UsageMeter()
        self._seen = -1
        self._begun = self.complete = False
        self._stop = None
        self._blocks.clear()

    def finish(self, completed_at: int | None = None) -> list[Event]:
        """Return the events that say how the turn ended. Only where `complete`."""
        stop = self._stop or {}
        reason: str | None = stop.get("stop_reason")
        events: list[Event] = []
        if reason == "refusal":
            events += self._refuse(refusal_text(stop.get("stop_details")))
        is_last = bool(self._items) and self._items[-1] is self._current
        cut_off = reason in CUT_OFF and is_last
        events += self._close_current("final_answer", "incomplete" if cut_off else "completed")
        for search in self._searches:
            events += search.close("failed")
        document = ended(self._document(), self.output, reason, self.usage, completed_at)
        kind = f"response.{document['status']}"
        return [*events, self._numbering.event(kind, {"response": document})]

    def fail(self, error: GatewayError) -> list[Event]:
        """Return the event that says that the stream has failed, whatever was said before."""
        if self.message_id is None:
            return [self._numbering.event("error", error_members(error))]
        document = failed(self._document(), self.output, self.usage, error)
        return [self._numbering.event("response.failed", {"response": document})]

    def _document(self) -> dict[str, Any]:
        return response_document(self._head, self._form.echo)

    def _take(self, event: Event) -> list[Event]:
        step = self._STEPS.get(event["type"])
        return [] if step is None else step(self, event)

    # Message --------------------------------------------------------------------------------

    def _start(self, event: Event) -> list[Event]:
        if self._begun:
            raise UpstreamBroken("The upstream began a second message.")
        self._begun = True
        message: Block = event["message"]
        self._meter.take(message.get("usage"))
        if self.message_id is not None:
            return []
        self.message_id = str(message["id"])
        self.thoughts_dropped = thoughts_dropped(message)
        return [
            self._numbering.event(f"response.{kind}", {"response": self._document()})
            for kind in ("created", "in_progress")
        ]

    def _note_ending(self, event: Event) -> list[Event]:
        delta: Block = event["delta"]
        if delta.get("stop_reason") is not None:
            self._stop = delta
        self._meter.take(event.get("usage"))
        return []

    def _end(self, _event: Event) -> list[Event]:
        if not self._begun or self._stop is None:
            raise UpstreamBroken("The upstream ended its answer without a stop reason.")
        events: list[Event] = []
        cut_off = self._stop["stop_reason"] in CUTS_OFF
        for index, block in sorted(self._blocks.items()):
            if not (cut_off and isinstance(block.item, OpenCall)):
                events += self._stop_block({"index": index})
        if self._half_call and not cut_off:
            raise UpstreamBroken("The upstream ended its answer in the middle of a tool call.")
        self.complete = True
        return events

    def _refuse(self, refusal: str) -> list[Event]:
        message, events = self._message()
        return events + message.refuse(refusal)

    # Items ----------------------------------------------------------------------------------

    def _place(self, kind: items.Kind) -> Place:
        return Place(kind, self._head, len(self._items), self._numbering)

    def _begin(self, item: _Open) -> list[Event]:
        """Begin an item; one that could have grown until now has come to its end."""
        events = self._close_current("commentary")
        self._items.append(item)
        self._apart = False
        return events + item.open()

    def _message(self) -> tuple[OpenMessage, list[Event]]:
        """Return the message that grows, and the events of its beginning where it begins now."""
        if isinstance(self._current, OpenMessage):
            return self._current, []
        unfencing = Unfencing() if self._form.answer.json_object else None
        message = OpenMessage(self._place("msg"), unfencing)
        events = self._begin(message)
        self._current = message
        return message, events

    def _close_current(self, phase: items.Phase, status: str = "completed") -> list[Event]:
        current, self._current = self._current, None
        if isinstance(current, OpenMessage):
            return current.close(phase, status)
        return current.close() if current is not None else []

    # Blocks ---------------------------------------------------------------------------------

    def _start_block(self, event: Event) -> list[Event]:
        index: int = event["index"]
        if index <= self._seen or not self._begun:
            raise UpstreamBroken("The upstream's content blocks are out of order.")
        self._seen = index
        content: Block = event["content_block"]
        block = self._blocks[index] = _OpenBlock(content)
        if block.kind == "text":
            return self._write(block, content.get("text") or "")
        if block.kind in THOUGHTS and not self._form.answer.hide_thinking:
            return self._start_thinking(block, content)
        if block.kind == "tool_use":
            return self._start_call(block, content)
        if items.is_search(content):
            search = OpenSearch(self._place("ws"), content["id"])
            self._searches.append(search)
            block.item = search
            return self._begin(search)
        self._apart = True
        return self._find(content) if block.kind == "web_search_tool_result" else []

    def _grow_block(self, event: Event) -> list[Event]:
        block = self._blocks.get(event["index"])
        if block is None:
            raise UpstreamBroken("The upstream continued a content block that is not open.")
        delta: Block = event["delta"]
        grow = self._DELTAS.get(delta["type"])
        return grow(self, block, delta) if grow else []

    def _stop_block(self, event: Event) -> list[Event]:
        block = self._blocks.pop(event["index"], None)
        if block is None:
            raise UpstreamBroken("The upstream ended a content block that is not open.")
        match block.item:
            case OpenMessage() as message:
                pages = cited({"citations": block.cited}, block.start, message.length)
                return message.cite(pages)
            case OpenReasoning() as reasoning:
                return reasoning.end_block()
            case OpenCall() as call:
                return self._end_call(block, call)
            case OpenSearch() as search:
                whole = _decoded("".join(block.written)) if block.written else block.input
                return search.ask(whole)
            case _:
                return []

    # Text -----------------------------------------------------------------------------------

    def _text(self, block: _OpenBlock, delta: Block) -> list[Event]:
        return self._write(block, _string(delta, "text"))

    def _write(self, block: _OpenBlock, text: str) -> list[Event]:
        if not text or block.kind != "text":
            return []
        message, events = self._message()
        if block.item is None:
            block.item = message
            separator = SEPARATOR if self._apart else ""
            block.start = message.length + len(separator)
            text = separator + text
        self._apart = False
        return events + message.write(text)

    def _cite(self, block: _OpenBlock, delta: Block) -> list[Event]:
        block.cited.append(delta["citation"])
        return []

    # Tool calls -----------------------------------------------------------------------------

    def _start_call(self, block: _OpenBlock, content: Block) -> list[Event]:
        answer = self._form.answer
        name: str = content["name"]
        if answer.only is not None and name not in answer.only:
            return []
        custom = name in answer.custom_tools
        place = self._place("ctc" if custom else "fc")
        made: Block = {"id": content["id"], "name": name}
        block.item = OpenCall(place, made, self._form, custom=custom)
        return self._begin(block.item)

    def _arguments(self, block: _OpenBlock, delta: Block) -> list[Event]:
        piece = _string(delta, "partial_json")
        if not piece or block.item is None:
            return []
        block.written.append(piece)
        return block.item.write(piece) if isinstance(block.item, OpenCall) else []

    def _end_call(self, block: _OpenBlock, call: OpenCall) -> list[Event]:
        if not block.written:
            value: Any = block.input or {}
            arguments = json.encode_text(value)
            return call.write(arguments) + call.close(value, arguments)
        arguments = "".join(block.written)
        value = _decoded(arguments)
        if not isinstance(value, dict):
            self._half_call = True
            return []
        return call.close(value, arguments)

    def _find(self, content: Block) -> list[Event]:
        for search in self._searches:
            if search.use_id == content.get("tool_use_id"):
                self._searches.remove(search)
                return search.close(items.search_status(content))
        return []

    # Thinking -------------------------------------------------------------------------------

    def _start_thinking(self, block: _OpenBlock, content: Block) -> list[Event]:
        events: list[Event] = []
        reasoning = self._current
        if not isinstance(reasoning, OpenReasoning):
            reasoning = OpenReasoning(self._place("rs"), self._form)
            events += self._begin(reasoning)
            self._current = reasoning
        self._apart = False
        block.item = reasoning
        return events + reasoning.begin(content)

    def _thinking(self, block: _OpenBlock, delta: Block) -> list[Event]:
        text = _string(delta, "thinking")
        return block.item.think(text) if isinstance(block.item, OpenReasoning) else []

    def _signature(self, block: _OpenBlock, delta: Block) -> list[Event]:
        signature = _string(delta, "signature")
        if isinstance(block.item, OpenReasoning):
            block.item.sign(signature)
        return []

    # Of the class, not of each stream: methods bound there would keep it alive in a circle.
    _STEPS: ClassVar[dict[str, Callable[[ResponseStream, Event], list[Event]]]] = {
        "message_start": _start,
        "content_block_start": _start_block,
        "content_block_delta": _grow_block,
        "content_block_stop": _stop_block,
        "message_delta": _note_ending,
        "message_stop": _end,
    }
    _DELTAS: ClassVar[dict[str, Callable[[ResponseStream, _OpenBlock, Block], list[Event]]]] = {
        "text_delta": _text,
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
