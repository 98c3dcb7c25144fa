"""The client's side of a Messages call whose answer is told in that protocol."""

from __future__ import annotations

from typing import Any

from isthmus.call import Outcome, Usage
from isthmus.errors import GatewayError
from isthmus.routing.plan import Route
from isthmus.serving.answers import MESSAGE, Answer, Reader, Whole
from isthmus.serving.attempting import Prepared
from isthmus.serving.messages_call import PassedCall
from isthmus.serving.passed_callers import PassedStream, PassedWhole
from isthmus.serving.reply import Reply
from isthmus.wire import json, sse
from isthmus.wire.messages import errors
from isthmus.wire.messages.events import TextRun
from isthmus.wire.messages.tally import Tally
from isthmus.wire.messages.usage import usage_of

PATH = "/v1/messages"
#: What shows a waiting client that its stream is alive.
PING = sse.named_frame("ping", b'{"type": "ping"}')


class WholeMessage(PassedWhole):
    """A client that waits for the whole answer, a message or a count."""

    def __init__(
        self, call: PassedCall, reply: Reply, outcome: Outcome, *, path: str, answer: Answer
    ) -> None:
        super().__init__(call, reply, outcome)
        self._call = call
        self._path = path
        self._answer = answer

    def prepare(self, route: Route) -> Prepared:
        """Address the request to a route."""
        return self._call.prepare(route, path=self._path, answer=self._answer)

    def used(self, whole: Whole) -> Usage | None:
        """Return what an answer says of its usage."""
        return usage_of(whole.message) if self._answer is MESSAGE else None


class StreamedMessage(PassedStream):
    """A client that reads along."""

    def __init__(self, call: PassedCall, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self._call = call
        self._tally = Tally()

    @property
    def complete(self) -> bool:
        """Whether the upstream's answer has ended."""
        return self._tally.complete

    def request(self, route: Route) -> Prepared:
        """Address the request to a route."""
        self._tally = Tally()
        return self._call.prepare(route, path=PATH, answer=MESSAGE)

    def watch(self, arrived: list[Any], _reader: Reader, /) -> None:
        """Look at what goes by."""
        for event in arrived:
            if not isinstance(event, TextRun):
                self._tally.take(event)

    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came."""
        return self._tally.usage

    async def end(self) -> None:
        """End the stream where the upstream's answer has ended as its protocol demands."""
        self._tally.close()
        await super().end()

    def last_frames(self) -> bytes:
        """Return nothing: all of it came from upstream."""
        return b""

    def failure(self, error: GatewayError) -> bytes:
        """Return the event that tells of it."""
        document = json.encode(errors.document(error, self._reply.request_id))
        return sse.named_frame("error", document)
