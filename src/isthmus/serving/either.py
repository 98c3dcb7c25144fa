"""The client of a call that is translated for some of its routes and passed on to others."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from isthmus.call import Usage
from isthmus.errors import GatewayError, UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.serving.answers import Reader, Whole
from isthmus.serving.attempting import Prepared
from isthmus.serving.exchange import Caller
from isthmus.serving.streaming import Streamed


class Answered(Caller, Protocol):
    """A client that waits for the whole answer."""

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        ...


C = TypeVar("C", bound=Answered)


class Either(Generic[C]):
    """Listens by whichever of two callers speaks the protocol of the route that is asked.

    Until one of them has shown its client something, nothing is lost by turning to the other.
    """

    def __init__(self, translated: C, passed: C) -> None:
        self._translated = translated
        self._passed = passed
        self.now = translated

    @property
    def committed(self) -> bool:
        """Whether content has gone out to the client."""
        return self.now.committed

    @property
    def following(self) -> Prepared | None:
        """What to ask next on the same route."""
        return self.now.following

    @property
    def patience(self) -> float:
        """For how many seconds the client will wait."""
        return self.now.patience

    @property
    def reads_lazily(self) -> bool:
        """Whether only the end is wanted."""
        return self.now.reads_lazily

    @property
    def complete(self) -> bool:
        """Whether the upstream's answer has ended."""
        return self.now.complete

    def blocked(self) -> bool:
        """Say whether the client takes nothing at the moment."""
        return self.now.blocked()

    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came."""
        return self.now.spent()

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        self.now.note_usage()

    def prepare(self, route: Route) -> Prepared:
        """Turn to the caller that speaks with this route."""
        self.now = self._translated if route.chat is None else self._passed
        return self.now.prepare(route)

    def repaired(self, error: UpstreamRefused) -> Prepared | None:
        """Return the request as it may be taken after such a refusal."""
        return self.now.repaired(error)

    async def take(self, arrived: list[Any], reader: Reader) -> None:
        """Take the events that one read brought."""
        await self.now.take(arrived, reader)

    async def end(self) -> None:
        """Take the end of the stream."""
        await self.now.end()

    async def take_whole(self, whole: Whole) -> None:
        """Take an answer that was not streamed."""
        await self.now.take_whole(whole)


class EitherStream(Either[Streamed]):
    """The same for a client that reads along."""

    async def fail(self, error: GatewayError) -> None:
        """Tell the client that the answer is not complete."""
        await self.now.fail(error)
