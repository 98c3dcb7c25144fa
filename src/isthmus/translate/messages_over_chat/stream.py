"""A chat stream becomes a Messages stream, event by event.

A state machine without I/O: `feed` takes one event and returns the events it causes, `close` takes
the end of the input, and `finish` returns the last events. What they return for a whole stream
folds to what `response` returns for the whole completion.
"""

from __future__ import annotations

from isthmus.call import Usage
from isthmus.errors import UpstreamBroken
from isthmus.translate.messages_over_chat.arguments import require_whole
from isthmus.translate.messages_over_chat.ending import (
    Ending,
    call_id,
    ending,
    message_id,
    usage_told,
    used,
)
from isthmus.translate.messages_over_chat.form import PLAIN, AnswerForm
from isthmus.translate.messages_over_chat.segments import Segment, Segments
from isthmus.translate.messages_over_chat.stops import StopWatch
from isthmus.wire.chat.documents import Chunk
from isthmus.wire.chat.events import Done
from isthmus.wire.chat.reader import AnswerReader, Piece
from isthmus.wire.messages.documents import Block, Event

#: Clients want figures at once; the real ones come with the end.
_EARLY_USAGE = {"input_tokens": 0, "output_tokens": 1}
_GROWS = {
    "thinking": ("thinking_delta", "thinking"),
    "text": ("text_delta", "text"),
    "tool_use": ("input_json_delta", "partial_json"),
}


class MessagesStream:
    """Translates one stream. ``model`` is the name the caller used.

    ``request_id`` names the answer where the upstream does not. `complete` is true once the
    upstream's answer has ended as its protocol demands; only then may the stream be finished. The
    usage seen so far is `usage`, also of a stream that broke.
    """

    def __init__(self, *, model: str, request_id: str, form: AnswerForm = PLAIN) -> None:
        self.complete = False
        self.message_id: str | None = None
        self._model = model
        self._request_id = request_id
        self._form = form
        self._reader = AnswerReader()
        self._segments = Segments()
        self._watch = StopWatch(form.watched)
        self._index = 0
        self._refused = False

    @property
    def usage(self) -> Usage | None:
        """The usage as last told by the upstream."""
        return None if self._reader.usage is None else usage_told(self._reader)

    def feed(self, event: Chunk | Done) -> list[Event]:
        """Translate one event. What nobody knows causes nothing.

        Raises:
            UpstreamBroken: it is no chunk, says that the answer has failed, or ends it too early.
        """
        if self.complete:
            return []
        piece = self._reader.feed(event)
        if isinstance(event, Done):
            self._end()
            return []
        events = self._start(event)
        self._take(piece)
        return events + self._advance()

    def close(self) -> None:
        """Take the end of the input: a finish reason makes a whole answer even without ``[DONE]``.

        Raises:
            UpstreamBroken: the answer ended in the middle of a call.
        """
        self._reader.close()
        if self._reader.complete and not self.complete:
            self._end()

    def finish(self) -> list[Event]:
        """Return the events that end the message. Only where `complete`."""
        events = self._advance()
        for segment in self._segments.queue:
            if not segment.begun and segment.call is not None and not segment.call.name:
                continue
            events += [] if segment.begun else self._begin(segment)
            events += self._grow(segment) + self._stop(segment)
        self._segments.queue.clear()
        delta = self._ending.members
        events.append({"type": "message_delta", "delta": delta, "usage": used(self._reader)})
        events.append({"type": "message_stop"})
        return events

    # Message --------------------------------------------------------------------------------

    def _start(self, chunk: Chunk) -> list[Event]:
        if self.message_id is not None or not (self._reader.id or chunk.get("choices")):
            return []
        self.message_id = message_id(self._reader, self._request_id)
        message: Block = {
            "id": self.message_id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": dict(_EARLY_USAGE),
        }
        return [{"type": "message_start", "message": message}, {"type": "ping"}]

    @property
    def _ending(self) -> Ending:
        return ending(self._reader, self._form, matched=self._watch.matched, refused=self._refused)

    def _end(self) -> None:
        """Judge the answer, which has ended."""
        if self.message_id is None:
            raise UpstreamBroken("The upstream ended its answer before it began.")
        if self._watch.matched is None:
            self._segments.say("text", self._watch.flush())
            for call in self._reader.calls.calls:
                require_whole(call, cut_off=self._ending.cuts_off)
        self.complete = True

    # Content --------------------------------------------------------------------------------

    def _take(self, piece: Piece) -> None:
        """Put what a chunk brought where it belongs; nothing counts after a stop sequence."""
        if self._watch.matched is not None:
            return
        if self._form.seal is not None:
            self._segments.say("thinking", piece.thoughts)
        self._refused = self._refused or bool(piece.refusal)
        self._segments.say("text", self._watch.feed(piece.text + piece.refusal))
        if piece.calls and self._watch.matched is None:
            self._segments.say("text", self._watch.flush())
            for ordinal, gained in piece.calls:
                call = self._reader.calls.calls[ordinal]
                if not self._segments.call(ordinal, call, gained):
                    raise UpstreamBroken("The upstream went on with a tool call that was whole.")

    def _advance(self) -> list[Event]:
        """Tell as much as the order of blocks allows."""
        events: list[Event] = []
        queue = self._segments.queue
        while queue and (queue[0].begun or queue[0].can_begin):
            first = queue[0]
            events += [] if first.begun else self._begin(first)
            events += self._grow(first)
            if len(queue) == 1 or not first.can_end:
                break
            events += self._stop(queue.pop(0))
        return events

    def _begin(self, segment: Segment) -> list[Event]:
        segment.begun = True
        return [
            {
                "type": "content_block_start",
                "index": self._index,
                "content_block": self._empty(segment),
            }
        ]

    def _empty(self, segment: Segment) -> Block:
        match segment.kind:
            case "thinking":
                return {"type": "thinking", "thinking": "", "signature": ""}
            case "text":
                return {"type": "text", "text": ""}
            case _:
                name = segment.call.name if segment.call is not None else ""
                identity = call_id(self.message_id or "", segment.ordinal, self._reader)
                return {"type": "tool_use", "id": identity, "name": name, "input": {}}

    def _grow(self, segment: Segment) -> list[Event]:
        text = segment.taken()
        if not text or (segment.kind == "thinking" and self._form.thoughts != "shown"):
            return []
        kind, member = _GROWS[segment.kind]
        return [self._delta({"type": kind, member: text})]

    def _stop(self, segment: Segment) -> list[Event]:
        events: list[Event] = []
        if segment.kind == "thinking" and self._form.seal is not None:
            shown = self._form.thoughts == "shown"
            signature = self._form.seal.sign(segment.whole, shown=shown)
            events.append(self._delta({"type": "signature_delta", "signature": signature}))
        events.append({"type": "content_block_stop", "index": self._index})
        self._index += 1
        return events

    def _delta(self, delta: Block) -> Event:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}
