"""Further paths of an upstream's, such as ``/v1/embeddings``: passed on as they are.

The request is a JSON object that may name a model; the answer is JSON, or a stream of events that
is whole when its HTTP message is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from isthmus.call import Outcome, Usage
from isthmus.errors import GatewayError, UpstreamError, UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned, Router
from isthmus.serving.answers import Reader, Whole, not_a
from isthmus.serving.attempting import Prepared
from isthmus.serving.chat import decoded
from isthmus.serving.exchange import Exchange
from isthmus.serving.gate import Demand, Gate
from isthmus.serving.heartbeat import KEEP_ALIVE
from isthmus.serving.model_call import announce, tell_attempts
from isthmus.serving.passed_callers import PassedStream, PassedWhole
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.streaming import Voice, streamed
from isthmus.serving.telling import told_openai
from isthmus.serving.wishes import Wishes, wishes
from isthmus.upstreams import failures
from isthmus.upstreams.upstream import UpstreamCall
from isthmus.wire import json, sse
from isthmus.wire.chat import errors
from isthmus.wire.chat.passed import ChunkFacts, PassedRequest
from isthmus.wire.chat.usage import usage_of
from isthmus.wire.messages.documents import Message

_VOICE = Voice(told_openai, KEEP_ALIVE)
#: Upstreams' URLs hold their version.
_VERSION = "/v1"


class Passthrough:
    """The endpoint of all such paths."""

    def __init__(self, *, gate: Gate, router: Router, exchange: Exchange) -> None:
        self._gate = gate
        self._router = router
        self._exchange = exchange

    def serves(self, path: str) -> bool:
        """Say whether an upstream lists the path."""
        return path in self._router.passthrough

    async def post(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Serve one call. The key is looked at before the body is read."""
        visit = await self._gate.enter(request, reply, outcome)
        try:
            body = await request.body()
            document = decoded(body)
            planned = self._router.passed(request.path, document.get("model"))
            outcome.model = outcome.asked = planned.model or None
            if planned.model:
                announce(planned, reply)
            # What it takes, and how, only its upstream knows: its answer cannot be limited.
            await visit.admit(Demand(planned=planned, body=body))
            await self._pass(_Call(request, PassedRequest(body), planned), reply, outcome)
        except UpstreamError as error:
            tell_attempts(reply, outcome)
            raise told_openai(error) from None
        finally:
            visit.leave()

    async def _pass(self, call: _Call, reply: Reply, outcome: Outcome) -> None:
        routes = call.planned.plan.routes
        if call.document.stream:
            caller = _Reading(call, reply, outcome)
            await streamed(self._exchange, routes, caller, reply, outcome, _VOICE)
        else:
            await self._exchange.run(routes, _Waiting(call, reply, outcome), outcome)


class _Call:
    """What is passed on of one request."""

    def __init__(self, request: Request, document: PassedRequest, planned: Planned) -> None:
        self.document = document
        self.planned = planned
        self.wishes: Wishes = wishes(request.headers, stream=document.stream)
        self._path = request.path.removeprefix(_VERSION)

    def prepare(self, route: Route) -> Prepared:
        """Address it to a route."""
        return Prepared(
            call=UpstreamCall(
                body=self.document.renamed(route.model),
                path=self._path,
                hops=self.wishes.hops + 1,
            ),
            stream=self.document.stream,
            slow_start=True,
            answer=_ANYTHING,
        )

    def complete_headers(self, reply: Reply, outcome: Outcome) -> None:
        """Add what is known once an upstream has answered."""
        tell_attempts(reply, outcome)


class _Anything:
    """An answer of which nothing is known; see `serving.answers.Answer`."""

    def reader(self) -> _Reader:
        """Return what reads it as a stream."""
        return _Reader()

    def whole(self, document: object, body: bytes) -> Whole:
        """Take it in one piece."""
        if not isinstance(document, dict):
            raise not_a("JSON object")
        return Whole(cast("Message", document), body)

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
        """Read what came in its place."""
        return failures.chat_refused(status, headers, body, time.time())


_ANYTHING = _Anything()


class _Reader:
    """Lets bytes through; see `serving.answers.Reader`."""

    failure: UpstreamError | None = None

    def __init__(self) -> None:
        self.frames = b""

    def feed(self, chunk: bytes) -> list[ChunkFacts]:
        """Take the next bytes."""
        self.frames = chunk
        return [ChunkFacts(content=True)]

    def close(self) -> list[ChunkFacts]:
        """Take the end of the input."""
        self.frames = b""
        return []


class _Waiting(PassedWhole):
    """A client that waits for the whole answer."""

    def __init__(self, call: _Call, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self._call = call

    def prepare(self, route: Route) -> Prepared:
        """Address the request to a route."""
        return self._call.prepare(route)

    def used(self, whole: Whole) -> Usage | None:
        """Return what an answer says of its usage."""
        return usage_of(whole.message)


class _Reading(PassedStream):
    """A client that reads along."""

    def __init__(self, call: _Call, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self._call = call

    @property
    def complete(self) -> bool:
        """Whether the answer has ended, which only the end of its HTTP message tells."""
        return False

    def request(self, route: Route) -> Prepared:
        """Address the request to a route."""
        return self._call.prepare(route)

    def watch(self, _arrived: list[Any], _reader: Reader, /) -> None:
        """Look away: nothing is known of it."""

    async def end(self) -> None:
        """End the stream: its HTTP message is whole."""
        await self._reply.finish_events(b"")

    def last_frames(self) -> bytes:
        """Return nothing: all of it came from upstream."""
        return b""

    def spent(self) -> Usage | None:
        """Return what was used, which nobody can tell."""
        return None

    def failure(self, error: GatewayError) -> bytes:
        """Return the event that tells of it."""
        return sse.data_frame(json.encode(errors.document(error)))
