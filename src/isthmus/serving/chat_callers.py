"""The client's side of a chat call."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.call import Outcome
from isthmus.errors import GatewayError
from isthmus.routing.plan import Route
from isthmus.serving.attempting import Prepared
from isthmus.serving.callers import StreamedCaller, WholeCaller
from isthmus.serving.chat_call import ChatCall
from isthmus.serving.reply import Reply
from isthmus.translate.chat_over_messages.response import response
from isthmus.translate.chat_over_messages.stream import ChatStream, Splice
from isthmus.wire import json, sse
from isthmus.wire.chat import errors as chat_errors
from isthmus.wire.chat.documents import Chunk, Completion
from isthmus.wire.messages.documents import Message
from isthmus.wire.messages.events import TextRun

_DONE = sse.data_frame(b"[DONE]")


class WholeChat(WholeCaller):
    """A client that waits for the whole answer."""

    def __init__(self, call: ChatCall, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self.call = call

    def request(self, route: Route) -> Prepared:
        """Translate for a route."""
        return self.call.prepare(route, stream=False)

    def told(self, message: Message) -> Completion:
        """Return the completion that tells the client the whole ``message``."""
        completion = response(
            message,
            model=self.call.facts.model,
            created=self.call.created,
            form=self.call.form,
            usage=self.outcome.usage,
        )
        self.call.note_text(completion["choices"][0]["message"]["content"] or "")
        self.call.remember(completion)
        return completion


class StreamedChat(StreamedCaller[ChatStream]):
    """A client that reads chunks as they come."""

    def __init__(self, call: ChatCall, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self.call = call
        #: How deltas are framed at the moment.
        self._splice: Splice | None = None
        self._parts: tuple[bytes, ...] = ()

    def request(self, route: Route) -> Prepared:
        """Translate for a route."""
        return self.call.prepare(route, stream=True)

    def new_stream(self) -> ChatStream:
        """Make what translates the answer."""
        options = self.call.document.get("stream_options") or {}
        return ChatStream(
            model=self.call.facts.model,
            created=self.call.created,
            include_usage=bool(options.get("include_usage")),
            form=self.call.form,
        )

    def frames(self, chunks: Sequence[Chunk]) -> list[bytes]:
        """Frame chunks."""
        return [sse.data_frame(json.encode(chunk)) for chunk in chunks]

    def tell_run(self, run: TextRun, frames: list[bytes]) -> None:
        """Translate deltas: the first in full, where that tells how the others are framed."""
        stream, literals = self.stream, run.literals
        splice = stream.splice
        if splice is None or splice.block != run.block or splice.kind != run.kind:
            first, *others = run.events
            frames += self.frames(stream.feed(first))
            splice, literals = stream.splice, literals[1:]
            if splice is None or splice.block != run.block or splice.kind != run.kind:
                for event in others:
                    frames += self.frames(stream.feed(event))
                return
        if splice is not self._splice:
            self._splice = splice
            first_part, *middle, last_part = splice.parts
            self._parts = (b"data: " + first_part, *middle, last_part + b"\n\n")
        parts = self._parts
        frames += [literal.join(parts) for literal in literals]

    def last_frames(self, message: Message) -> bytes:
        """Return the last chunks, a comment and the terminator."""
        last = self.frames(self.stream.finish())
        self.call.note_text(self.stream.unfenced)
        if self.call.worth_remembering:
            self.call.remember(self._whole(message))
        return b"".join([*last, self.closing_comment(), _DONE])

    def failure(self, error: GatewayError) -> bytes:
        """Return a comment and the error."""
        document = json.encode(chat_errors.document(error))
        return self.closing_comment() + sse.data_frame(document)

    def _whole(self, message: Message) -> Completion:
        return response(
            self.call.turn.whole(message),
            model=self.call.facts.model,
            created=self.call.created,
            form=self.call.form,
        )
