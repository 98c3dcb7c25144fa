"""The client's side of a Messages call that is passed on: its bytes go through as they come."""

from __future__ import annotations

from isthmus.call import Outcome, Usage
from isthmus.errors import GatewayError, UpstreamBroken, UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.serving.arrived import Arrived
from isthmus.serving.attempting import Prepared
from isthmus.serving.messages_call import PassedCall
from isthmus.serving.relay import Kind, Whole
from isthmus.serving.reply import Reply
from isthmus.wire import json, sse
from isthmus.wire.messages import errors
from isthmus.wire.messages.events import TextRun, is_content
from isthmus.wire.messages.reading import EventReader
from isthmus.wire.messages.tally import Tally
from isthmus.wire.messages.usage import usage_of

PATH = "/v1/messages"
#: What shows a waiting client that its stream is alive.
PING = sse.named_frame("ping", b'{"type": "ping"}')


class PassedWhole:
    """A client that waits for the whole answer; its upstream does, too."""

    committed = False
    reads_lazily = True
    following: Prepared | None = None
    complete = True

    def __init__(
        self, call: PassedCall, reply: Reply, outcome: Outcome, *, path: str, answer: Kind
    ) -> None:
        self.patience = call.wishes.patience
        self._call = call
        self._reply = reply
        self._outcome = outcome
        self._path = path
        self._answer: Kind = answer
        self._spent: Usage | None = None

    def blocked(self) -> bool:
        """Say whether the client takes nothing at the moment: nothing is sent before the end."""
        return False

    def spent(self) -> Usage | None:
        """Return what the last attempt has used."""
        spent, self._spent = self._spent, None
        return spent

    def prepare(self, route: Route) -> Prepared:
        """Address the request to a route."""
        return self._call.prepare(route, path=self._path, answer=self._answer)

    def repaired(self, _error: UpstreamRefused) -> Prepared | None:
        """Return nothing: what a caller wrote is the caller's to mend."""
        return None

    async def take(self, _arrived: list[Arrived], _reader: EventReader) -> None:
        """Never called: nothing is streamed."""

    async def end(self) -> None:
        """Never called: nothing is streamed."""

    async def take_whole(self, whole: Whole) -> None:
        """Pass the answer on."""
        if self._answer == "message":
            self._spent = self._outcome.usage = usage_of(whole.message)
        self._call.complete_headers(self._reply, self._outcome)
        await self._reply.body(200, whole.body)


class PassedStream:
    """A client that reads along: events go on as they were written, once there is content."""

    reads_lazily = False
    following: Prepared | None = None

    def __init__(self, call: PassedCall, reply: Reply, outcome: Outcome) -> None:
        self.patience = call.wishes.patience
        self.committed = False
        self._call = call
        self._reply = reply
        self._outcome = outcome
        self._held: list[bytes] = []
        self._tally = Tally()

    @property
    def complete(self) -> bool:
        """Whether the upstream's answer has ended."""
        return self._tally.complete

    def blocked(self) -> bool:
        """Say whether the client takes nothing at the moment."""
        return self._reply.blocked

    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came."""
        return self._tally.usage

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        self._outcome.usage = self._tally.usage

    def prepare(self, route: Route) -> Prepared:
        """Address the request to a route; what an earlier attempt brought was never sent."""
        self._held.clear()
        self._tally = Tally()
        return self._call.prepare(route, path=PATH, answer="message")

    def repaired(self, _error: UpstreamRefused) -> Prepared | None:
        """Return nothing: what a caller wrote is the caller's to mend."""
        return None

    async def take(self, arrived: list[Arrived], reader: EventReader) -> None:
        """Pass on what one read brought, once the first content has come."""
        for event in arrived:
            if not isinstance(event, TextRun):
                self._tally.take(event)
        if self.committed:
            await self._reply.events(reader.frames)
            return
        self._held.append(reader.frames)
        if any(is_content(event) for event in arrived):
            await self._commit()

    async def _commit(self) -> None:
        self.committed = True
        if not self._reply.started:
            self._call.complete_headers(self._reply, self._outcome)
            await self._reply.start_events()
        frames, self._held = b"".join(self._held), []
        await self._reply.events(frames)

    async def end(self) -> None:
        """End the stream where the upstream's answer has ended as its protocol demands.

        Raises:
            UpstreamBroken: it has not.
        """
        self._tally.close()
        if not self._tally.complete:
            raise UpstreamBroken("The upstream ended its stream before the answer was complete.")
        await self._reply.finish_events(b"")

    async def take_whole(self, _whole: Whole) -> None:
        """Never called: a streaming client always gets a streaming upstream."""
        raise UpstreamBroken("The upstream did not stream.")

    async def fail(self, error: GatewayError) -> None:
        """Tell the client that the answer is not complete, and make sure that it notices."""
        if not self._reply.started:
            raise error
        document = json.encode(errors.document(error, self._reply.request_id))
        await self._reply.events(sse.named_frame("error", document))
        self._reply.break_off()
