"""The client's side of a Responses call."""

from __future__ import annotations

import time
from collections.abc import Sequence

from isthmus.call import Outcome
from isthmus.errors import GatewayError
from isthmus.routing.plan import Route
from isthmus.serving.attempting import Prepared
from isthmus.serving.callers import StreamedCaller, WholeCaller
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
        return response(
            message,
            head=self.call.head,
            form=self.call.answer_form,
            completed_at=int(time.time()),
            usage=self.outcome.usage,
        )


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
        *others, last = self.frames(self.stream.finish(int(time.time())))
        return b"".join([*others, self.closing_comment(), last])

    def failure(self, error: GatewayError) -> bytes:
        """Return a comment, and the event that says that the response has failed."""
        return b"".join([self.closing_comment(), *self.frames(self.stream.fail(error))])
