"""The client of a translated call: one that waits for the whole answer, or one that reads along.

How an answer is told is for those who derive from these, one pair for each protocol.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from isthmus.call import Outcome, Usage, plus
from isthmus.errors import GatewayError, UpstreamBroken, UpstreamRefused
from isthmus.ledger.pricing import settle
from isthmus.routing.plan import Route
from isthmus.serving.answers import Reader, Whole
from isthmus.serving.arrived import Arrived
from isthmus.serving.attempting import Prepared
from isthmus.serving.heartbeat import KEEP_ALIVE
from isthmus.serving.model_call import ModelCall, tell_cost
from isthmus.serving.reply import Reply
from isthmus.translate.to_messages.thinking import thoughts_dropped
from isthmus.wire import sse
from isthmus.wire.messages.documents import Block, Event, Message
from isthmus.wire.messages.events import TextRun, is_content
from isthmus.wire.messages.fold import Fold
from isthmus.wire.messages.usage import usage_of


class WholeCaller(ABC):
    """A client that waits for the whole answer, however the upstream gives it."""

    committed = False
    reads_lazily = True

    def __init__(self, call: ModelCall, reply: Reply, outcome: Outcome) -> None:
        self.patience = call.wishes.patience
        self.following: Prepared | None = None
        self.outcome = outcome
        self._base = call
        self._reply = reply
        self._spent: Usage | None = None
        self._fold: Fold | None = None
        self._first_id: str | None = None

    @abstractmethod
    def request(self, route: Route) -> Prepared:
        """Translate for a route."""

    @abstractmethod
    def told(self, message: Message) -> Any:
        """Return the document that tells the client the whole ``message``."""

    @property
    def complete(self) -> bool:
        """Whether the upstream's answer has ended."""
        return self._fold is not None and self._fold.complete

    def blocked(self) -> bool:
        """Say whether the client takes nothing at the moment: nothing is sent before the end."""
        return False

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route; what an earlier attempt brought is void."""
        self._fold = None
        self._first_id = None
        self._spent = None
        self.outcome.usage = None
        return self.request(route)

    def repaired(self, error: UpstreamRefused) -> Prepared | None:
        """Return the request as it may be taken after such a refusal."""
        return self._base.repaired(error)

    async def take(self, arrived: list[Arrived], _reader: Reader) -> None:
        """Fold events; nothing goes out before the answer is complete."""
        fold = self._fold = self._fold or Fold()
        for event in arrived:
            if isinstance(event, TextRun):
                fold.literals(event.block, event.kind).extend(event.literals)
            else:
                fold.feed(event)

    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came."""
        spent, self._spent = self._spent, None
        return self._fold.meter.usage if spent is None and self._fold is not None else spent

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        if self._fold is not None:
            self._spent = self._fold.meter.usage
            self.outcome.usage = plus(self.outcome.usage, self._spent)
            self._fold = None

    async def end(self) -> None:
        """Answer with what the events add up to."""
        fold = self._fold or Fold()
        fold.close()
        if not fold.complete:
            raise _incomplete()
        message = fold.message
        self.note_usage()
        settle(self.outcome.attempts[-1], self._spent)
        await self._answered(message, fold.verbatim)

    async def take_whole(self, whole: Whole) -> None:
        """Take an answer that was not streamed."""
        message = whole.message
        self._spent = usage_of(message)
        self.outcome.usage = plus(self.outcome.usage, self._spent)
        settle(self.outcome.attempts[-1], self._spent)
        await self._answered(message, message.get("content") or [])

    async def _answered(self, message: Message, verbatim: list[Block]) -> None:
        """Translate and send the answer, or go on with the turn."""
        call = self._base
        self._first_id = self._first_id or message.get("id")
        self.following = call.follow(message, verbatim)
        if self.following is not None:
            return
        whole = call.turn.whole(message)
        if self._first_id is not None:
            whole["id"] = self._first_id
        document = self.told(whole)
        call.note_dropped(thoughts_dropped(message))
        call.complete_headers(self._reply, self.outcome, self._first_id)
        tell_cost(self._reply, self.outcome)
        await self._reply.whole(200, document)


class AnswerStream(Protocol):
    """Translates a stream of the Messages protocol, as `ChatStream` does."""

    complete: bool
    message_id: str | None
    thoughts_dropped: int

    @property
    def usage(self) -> Usage | None:
        """What was used so far."""
        ...

    def feed(self, event: Event, /) -> Sequence[Any]:
        """Translate one event."""
        ...

    def close(self) -> None:
        """Take the end of the input."""
        ...

    def go_on(self) -> None:
        """Expect another answer to the same turn."""
        ...


S = TypeVar("S", bound=AnswerStream)


class StreamedCaller(ABC, Generic[S]):
    """A client that reads events as they come, translated by a ``stream``."""

    reads_lazily = False

    def __init__(self, call: ModelCall, reply: Reply, outcome: Outcome) -> None:
        self.patience = call.wishes.patience
        self.committed = False
        self.following: Prepared | None = None
        self.outcome = outcome
        self.reply = reply
        self._base = call
        self._held: list[bytes] = []
        self._stream: S | None = None
        self._spent: Usage | None = None
        #: What the events add up to: a paused turn goes back as it is.
        self._fold = Fold()

    @abstractmethod
    def request(self, route: Route) -> Prepared:
        """Translate for a route."""

    @abstractmethod
    def new_stream(self) -> S:
        """Make what translates the answer to the request that was translated last."""

    @abstractmethod
    def frames(self, chunks: Sequence[Any]) -> list[bytes]:
        """Frame what the stream's translation returns."""

    @abstractmethod
    def last_frames(self, message: Message) -> bytes:
        """Return what ends the stream; ``message`` is the upstream's last."""

    @abstractmethod
    def failure(self, error: GatewayError) -> bytes:
        """Return what tells of a failure in the middle."""

    @property
    def stream(self) -> S:
        """The translation of the answer."""
        if self._stream is None:
            self._stream = self.new_stream()
        return self._stream

    @property
    def complete(self) -> bool:
        """Whether the upstream's answer has ended."""
        return self.stream.complete

    def blocked(self) -> bool:
        """Say whether the client takes nothing at the moment."""
        return self.reply.blocked

    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came."""
        spent, self._spent = self._spent, None
        return self._fold.meter.usage if spent is None else spent

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route; what an earlier attempt brought was never sent and is void."""
        prepared = self.request(route)
        self._forget()
        return prepared

    def repaired(self, error: UpstreamRefused) -> Prepared | None:
        """Return the request as it may be taken after such a refusal."""
        prepared = self._base.repaired(error)
        if prepared is not None:
            self._forget()
        return prepared

    def _forget(self) -> None:
        self._held.clear()
        self._stream = None
        self._fold = Fold()

    async def take(self, arrived: list[Arrived], _reader: Reader) -> None:
        """Send what the events become, once the first content has come."""
        frames = self._held if not self.committed else []
        for event in arrived:
            if isinstance(event, TextRun):
                self._fold.literals(event.block, event.kind).extend(event.literals)
                self.tell_run(event, frames)
            else:
                if event["type"] == "ping":
                    frames.append(KEEP_ALIVE)
                chunks = self.stream.feed(event)
                self._fold.feed(event)
                frames += self.frames(chunks)
        if self.committed:
            if frames:
                await self.reply.events(b"".join(frames))
        elif any(is_content(event) for event in arrived):
            await self._commit()

    def tell_run(self, run: TextRun, frames: list[bytes]) -> None:
        """Translate deltas."""
        for event in run.events:
            frames += self.frames(self.stream.feed(event))

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        self.outcome.usage = self.stream.usage

    async def end(self) -> None:
        """Send what is left and terminate the stream, or go on with the turn."""
        stream = self.stream
        stream.close()
        if not stream.complete:
            raise _incomplete()
        self._fold.close()
        message = self._fold.message
        self.following = self._base.follow(message, self._fold.verbatim)
        if self.following is not None:
            stream.go_on()
            self._spent = self._fold.meter.usage
            self._fold = Fold()
            return
        self.outcome.usage = stream.usage
        settle(self.outcome.attempts[-1], self._fold.meter.usage)
        await self.reply.finish_events(self.last_frames(message))

    async def take_whole(self, _whole: Whole) -> None:
        """Never called: a streaming client always gets a streaming upstream."""
        raise UpstreamBroken("The upstream did not stream.")

    async def fail(self, error: GatewayError) -> None:
        """Tell the client that the answer is not complete, and make sure that it notices."""
        if not self.reply.started:
            raise error
        await self.reply.events(self.failure(error))
        self.reply.break_off()

    async def _commit(self) -> None:
        """Let the head go, and all that was held back."""
        self.committed = True
        self._base.note_dropped(self.stream.thoughts_dropped)
        if not self.reply.started:
            self._base.complete_headers(self.reply, self.outcome, self.stream.message_id)
            await self.reply.start_events()
        frames, self._held = b"".join(self._held), []
        await self.reply.events(frames)

    def closing_comment(self) -> bytes:
        """Say in a comment what came too late for the headers."""
        return sse.comment(f"isthmus {self._base.closing_words(self.outcome).decode()}")


def _incomplete() -> UpstreamBroken:
    return UpstreamBroken("The upstream ended its stream before the answer was complete.")
