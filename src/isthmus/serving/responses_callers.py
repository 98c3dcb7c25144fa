"""The client's side of a Responses call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

from isthmus.call import Outcome, Usage
from isthmus.errors import GatewayError
from isthmus.routing.plan import Route
from isthmus.serving.answers import Whole
from isthmus.serving.attempting import Prepared
from isthmus.serving.callers import StreamedCaller, WholeCaller
from isthmus.serving.passed_callers import PassedWhole
from isthmus.serving.reply import Reply
from isthmus.serving.responses_call import ResponsesCall
from isthmus.translate.responses_over_messages.response import response
from isthmus.translate.responses_over_messages.stream import ResponseStream
from isthmus.wire.messages.documents import Message
from isthmus.wire.responses.documents import Event, Response
from isthmus.wire.responses.events import framed


class WholeResponse(WholeCaller):
    """A client that waits for the whole answer."""

    def __init__(self, call: ResponsesCall, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self.call = call

    def request(self, route: Route) -> Prepared:
        """Translate for a route."""
        return self.call.prepare(route, stream=False)

    def told(self, message: Message) -> Response:
        """Return the response that tells the client the whole ``message``."""
        told = response(
            message,
            head=self.call.head,
            form=self.call.answer_form,
            completed_at=int(time.time()),
            usage=self.outcome.usage,
        )
        self.call.keep(told)
        return told


class StreamedResponse(StreamedCaller[ResponseStream]):
    """A client that reads events as they come."""

    def __init__(self, call: ResponsesCall, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self.call = call

    def request(self, route: Route) -> Prepared:
        """Translate for a route."""
        return self.call.prepare(route, stream=True)

    def new_stream(self) -> ResponseStream:
        """Make what translates the answer."""
        return ResponseStream(head=self.call.head, form=self.call.answer_form)

    def frames(self, chunks: Sequence[Event]) -> list[bytes]:
        """Frame events."""
        return [framed(event) for event in chunks]

    def last_frames(self, message: Message) -> bytes:
        """Return the last events, of which the very last ends the stream."""
        events = self.stream.finish(int(time.time()))
        self.call.keep(events[-1]["response"])
        *others, last = self.frames(events)
        return b"".join([*others, self.closing_comment(), last])

    def failure(self, error: GatewayError) -> bytes:
        """Return a comment, and the event that says that the response has failed."""
        events = self.stream.fail(error)
        if "response" in events[-1]:
            self.call.keep(events[-1]["response"])
        return b"".join([self.closing_comment(), *self.frames(events)])


class CountedInput(PassedWhole):
    """A client that wants to know how long its input is."""

    def __init__(self, call: ResponsesCall, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self.call = call

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route, and ask for a count instead of an answer."""
        return self.call.counted(route)

    def used(self, _whole: Whole) -> Usage | None:
        """Return nothing: a count is free."""
        return None

    async def take_whole(self, whole: Whole) -> None:
        """Tell the count."""
        self.call.complete_headers(self._reply, self._outcome)
        count: object = cast("dict[str, object]", whole.message)["input_tokens"]
        document = {"object": "response.input_tokens", "input_tokens": count}
        await self._reply.whole(200, document)
