"""The client of a call that is passed on: its upstream's bytes go through as they come.

What a protocol calls complete, and how it tells an error, is for those who derive from these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from isthmus.call import Outcome, Usage
from isthmus.errors import GatewayError, UpstreamBroken, UpstreamRefused
from isthmus.ledger.pricing import settle
from isthmus.routing.plan import Route
from isthmus.serving.answers import Reader, Whole
from isthmus.serving.arrived import is_content
from isthmus.serving.attempting import Prepared
from isthmus.serving.model_call import tell_cost
from isthmus.serving.reply import Reply
from isthmus.serving.wishes import Wishes


class Passed(Protocol):
    """One request that is passed on."""

    @property
    def wishes(self) -> Wishes:
        """What its client asks of the gateway itself."""
        ...

    def complete_headers(self, reply: Reply, outcome: Outcome) -> None:
        """Add what is known once an upstream has answered."""
        ...


class PassedWhole(ABC):
    """A client that waits for the whole answer; its upstream does, too."""

    committed = False
    reads_lazily = True
    following: Prepared | None = None
    complete = True

    def __init__(self, call: Passed, reply: Reply, outcome: Outcome) -> None:
        self.patience = call.wishes.patience
        self._passed = call
        self._reply = reply
        self._outcome = outcome
        self._spent: Usage | None = None
        self._used: Usage | None = None

    @abstractmethod
    def prepare(self, route: Route) -> Prepared:
        """Address the request to a route."""

    @abstractmethod
    def used(self, whole: Whole, /) -> Usage | None:
        """Return what an answer says of its usage."""

    def blocked(self) -> bool:
        """Say whether the client takes nothing at the moment: nothing is sent before the end."""
        return False

    def spent(self) -> Usage | None:
        """Return what the last attempt has used."""
        spent, self._spent = self._spent, None
        return spent

    def repaired(self, _error: UpstreamRefused) -> Prepared | None:
        """Return nothing: what a caller wrote is the caller's to mend."""
        return None

    async def take(self, _arrived: list[Any], _reader: Reader) -> None:
        """Never called: nothing is streamed."""
        raise UpstreamBroken("The upstream streamed.")

    async def end(self) -> None:
        """Never called: nothing is streamed."""
        raise UpstreamBroken("The upstream streamed.")

    async def take_whole(self, whole: Whole) -> None:
        """Pass the answer on."""
        self._spent = self._used = self.used(whole)
        self.note_usage()
        settle(self._outcome.attempts[-1], self._used)
        self._passed.complete_headers(self._reply, self._outcome)
        tell_cost(self._reply, self._outcome)
        await self._reply.body(200, whole.body)

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        self._outcome.usage = self._used


class PassedStream(ABC):
    """A client that reads along: events go on as they were written, once there is content."""

    reads_lazily = False
    following: Prepared | None = None

    def __init__(self, call: Passed, reply: Reply, outcome: Outcome) -> None:
        self.patience = call.wishes.patience
        self.committed = False
        self._passed = call
        self._reply = reply
        self._outcome = outcome
        self._held: list[bytes] = []

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether the upstream's answer has ended."""

    @abstractmethod
    def request(self, route: Route) -> Prepared:
        """Address the request to a route; what an earlier attempt brought is void."""

    @abstractmethod
    def watch(self, arrived: list[Any], reader: Reader, /) -> None:
        """Look at what goes by."""

    @abstractmethod
    def last_frames(self) -> bytes:
        """Return what ends the stream and has not come from upstream."""

    @abstractmethod
    def failure(self, error: GatewayError) -> bytes:
        """Return what tells of a failure in the middle."""

    @abstractmethod
    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came."""

    def blocked(self) -> bool:
        """Say whether the client takes nothing at the moment."""
        return self._reply.blocked

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        self._outcome.usage = self.spent()

    def prepare(self, route: Route) -> Prepared:
        """Address the request to a route; what an earlier attempt brought was never sent."""
        self._held.clear()
        return self.request(route)

    def repaired(self, _error: UpstreamRefused) -> Prepared | None:
        """Return nothing: what a caller wrote is the caller's to mend."""
        return None

    async def take(self, arrived: list[Any], reader: Reader) -> None:
        """Pass on what one read brought, once the first content has come."""
        self.watch(arrived, reader)
        if self.committed:
            await self._reply.events(reader.frames)
            return
        self._held.append(reader.frames)
        if any(map(is_content, arrived)):
            await self._commit()

    async def _commit(self) -> None:
        self.committed = True
        if not self._reply.started:
            self._passed.complete_headers(self._reply, self._outcome)
            await self._reply.start_events()
        frames, self._held = b"".join(self._held), []
        await self._reply.events(frames)

    async def end(self) -> None:
        """End the stream where the upstream's answer has ended as its protocol demands.

        Raises:
            UpstreamBroken: it has not.
        """
        if not self.complete:
            raise UpstreamBroken("The upstream ended its stream before the answer was complete.")
        await self._reply.finish_events(self.last_frames())

    async def take_whole(self, _whole: Whole) -> None:
        """Never called: a streaming client always gets a streaming upstream."""
        raise UpstreamBroken("The upstream did not stream.")

    async def fail(self, error: GatewayError) -> None:
        """Tell the client that the answer is not complete, and make sure that it notices."""
        if not self._reply.started:
            raise error
        await self._reply.events(self.failure(error))
        self._reply.break_off()
