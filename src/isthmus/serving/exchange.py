"""The spine: what happens to a call between its admission and its end.

plan -> per route: translate the request, send it, wait for the first good event -> commit -> per
event: translate, encode, write. Here, and only here, translations and upstreams meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol, cast

from msgspec import Struct

from isthmus.call import Attempt, Outcome
from isthmus.errors import UpstreamBroken, UpstreamError, UpstreamUnavailable
from isthmus.routing.plan import Plan, Route
from isthmus.serving.timers import Watch
from isthmus.upstreams import failures
from isthmus.upstreams.transport import TransportError, UpstreamResponse
from isthmus.upstreams.upstream import MessagesCall, Upstream
from isthmus.wire import json, sse
from isthmus.wire.messages import events
from isthmus.wire.messages.documents import Event, Message

#: A whole answer is held in memory; no model writes this much.
MAX_ANSWER = 64 * 1024 * 1024
#: A wake-up per token costs more than the answer: a folded stream is read at most this often.
_READS_PER_SECOND = 20
_READS_AT_ONCE = 10
_DRAIN_SECONDS = 1.0


#: An event of a stream; of a text delta the text is not decoded before somebody needs it.
Arrived = Event | events.TextDelta


class Prepared(Struct, frozen=True, kw_only=True):
    """A request translated for one model. ``stream``: whether the upstream shall stream."""

    call: MessagesCall
    stream: bool
    slow_start: bool


class Caller(Protocol):
    """The client's side of a call: translates for it and hands it what arrives.

    ``committed``: content has gone out to the client, so no other upstream may be tried.
    ``reads_lazily``: it only wants the end, so events need not be read one by one.
    """

    committed: bool
    reads_lazily: bool

    @property
    def complete(self) -> bool:
        """Whether the answer has ended as its protocol demands; nothing more will come."""
        ...

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route's model, and forget what an earlier attempt left behind."""
        ...

    async def take(self, arrived: list[Arrived]) -> None:
        """Take the events that one read brought."""
        ...

    async def take_whole(self, message: Message) -> None:
        """Take an answer that was not streamed."""
        ...

    async def end(self) -> None:
        """Take the end of the stream.

        Raises:
            UpstreamBroken: the answer is not complete.
        """
        ...


class Exchange:
    """Carries calls to upstreams, trying the routes of a plan until one answers."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams

    async def run(self, plan: Plan, caller: Caller, outcome: Outcome) -> None:
        """Serve ``caller`` by the first route that works.

        Raises:
            GatewayError: none did, or the answer broke after content had gone out.
        """
        index = 0
        while True:
            route = plan.routes[index]
            attempt = Attempt(upstream=route.upstream, model=route.model, base_url=route.base_url)
            outcome.attempts.append(attempt)
            try:
                await self._try(route, caller, attempt)
            except UpstreamError as error:
                error.upstream = route.upstream
                attempt.error = error.code
                following = None if caller.committed else plan.next_after(index, error)
                if following is None:
                    raise
                index = following
            else:
                return

    async def _try(self, route: Route, caller: Caller, attempt: Attempt) -> None:
        prepared = caller.prepare(route)
        upstream = self._upstreams[route.upstream]
        watch = Watch(upstream.timers, streams=prepared.stream, slow_start=prepared.slow_start)
        try:
            async with watch.limit:
                response = await upstream.transport.send(
                    upstream.request(prepared.call, route.base_url),
                    connect_timeout=upstream.timers.connect,
                )
                attempt.status, attempt.sent = response.status, "all"
                attempt.request_id = response.headers.get("request-id")
                try:
                    await _relay(response, prepared, caller, watch)
                finally:
                    response.close()
        except TransportError as error:
            attempt.sent = error.sent
            raise failures.unavailable(error) from None
        except TimeoutError:
            raise _too_slow(caller) from None


async def _relay(
    response: UpstreamResponse, prepared: Prepared, caller: Caller, watch: Watch
) -> None:
    if response.status != 200:
        body = await response.read_all(failures.MAX_ERROR_BODY)
        raise failures.refused(response.status, response.headers, body)
    if not prepared.stream:
        await caller.take_whole(await _whole(response))
        return
    content_type = response.headers.get("content-type", "")
    if not content_type.startswith("text/event-stream"):
        raise UpstreamBroken(
            "The upstream answered with something other than a stream.", code="invalid_answer"
        )
    await _relay_events(response, caller, watch)
    await caller.end()
    await _drain(response)


async def _whole(response: UpstreamResponse) -> Message:
    try:
        document: object = json.decode_tolerantly(await response.read_all(MAX_ANSWER))
    except json.MalformedJSON:
        document = None
    if not isinstance(document, dict) or cast("Event", document).get("type") != "message":
        raise UpstreamBroken("The upstream's answer is not a message.", code="invalid_answer")
    return cast("Message", document)


async def _relay_events(response: UpstreamResponse, caller: Caller, watch: Watch) -> None:
    """Read a stream to the end of its answer; hand over the events of each read at once.

    Raises:
        UpstreamError: the upstream reports an error, breaks off, or sends what is not an event.
    """
    decoder = sse.Decoder()
    has_content = False
    pace = _Pace() if caller.reads_lazily else None
    while not caller.complete:
        try:
            chunk = await response.read_some()
            frames = decoder.feed(chunk)
        except TransportError:
            raise UpstreamBroken("The upstream broke off in the middle of its answer.") from None
        except sse.EventTooLarge as error:
            raise UpstreamBroken(f"The upstream's stream is broken: {error}.") from None
        if not chunk:
            return
        watch.heard()
        arrived, failure = _decoded(frames)
        if not has_content and any(map(events.is_content, arrived)):
            has_content = True
            watch.content()
        if arrived:
            await caller.take(arrived)
        if failure is not None:
            raise failure
        if pace is not None:
            await pace.wait()


def _decoded(frames: list[sse.ServerEvent]) -> tuple[list[Arrived], UpstreamError | None]:
    """Decode frames up to the first that reports or is an error."""
    arrived: list[Arrived] = []
    for frame in frames:
        try:
            event = events.decode(frame)
        except UpstreamBroken as error:
            return arrived, error
        if not isinstance(event, events.TextDelta) and event["type"] == "error":
            return arrived, failures.reported(event)
        arrived.append(event)
    return arrived, None


async def _drain(response: UpstreamResponse) -> None:
    """Read what frames the end of a whole answer, so that its connection can be used again."""
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while await response.read_some():
                continue
    except (TimeoutError, TransportError):
        return  # the answer is complete; only the connection is lost


class _Pace:
    """Lets a few reads through at once, then one every twentieth of a second."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._allowed = float(_READS_AT_ONCE)
        self._at = self._now()

    async def wait(self) -> None:
        now = self._now()
        earned = (now - self._at) * _READS_PER_SECOND
        self._allowed = min(self._allowed + earned, _READS_AT_ONCE) - 1
        self._at = now
        if self._allowed < 0:
            await asyncio.sleep(-self._allowed / _READS_PER_SECOND)


def _too_slow(caller: Caller) -> UpstreamError:
    if caller.committed:
        return UpstreamBroken("The upstream stopped sending in the middle of its answer.")
    return UpstreamUnavailable("The upstream did not answer in time.", code="timeout", status=504)
