"""The edge: from a request to its endpoint, and from errors to answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from msgspec import Struct

from isthmus.call import Ending, Observer, Outcome
from isthmus.errors import GatewayBusy, GatewayDefect, GatewayError, UpstreamError
from isthmus.serving import asgi
from isthmus.serving.asgi import Receive, Scope, Send
from isthmus.serving.connection import ClientGone
from isthmus.serving.drain import Drain
from isthmus.serving.pressure import Pressure
from isthmus.serving.reloading import Reloading
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.request_id import new_request_id
from isthmus.serving.service import Service
from isthmus.serving.wishes import refuse_loop
from isthmus.telemetry.metrics import Metrics
from isthmus.telemetry.records import REQUEST_ID
from isthmus.wire import json, sse
from isthmus.wire.chat import errors as chat_errors
from isthmus.wire.messages import errors as messages_errors

log = logging.getLogger("isthmus")


class Surroundings(Struct, frozen=True, kw_only=True):
    """What an application lives with.

    ``at_end`` is called when the last request has ended; ``beside`` runs as long as it serves.
    """

    drain: Drain
    observer: Observer
    metrics: Metrics
    pressure: Pressure
    at_end: Callable[[], object]
    reloading: Reloading | None = None
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()


class App:
    """The application: `serve` answers requests; it can be called as an ASGI application, too."""

    def __init__(self, service: Service, around: Surroundings) -> None:
        metrics, pressure = around.metrics, around.pressure
        self.drain = around.drain
        self.metrics = metrics
        self.in_flight = 0
        metrics.reads("isthmus_requests_in_flight", lambda: self.in_flight)
        metrics.reads("isthmus_event_loop_lag_seconds", lambda: pressure.lag)
        self._service = service
        self._observer = around.observer
        self.pressure = pressure
        self._at_end = around.at_end
        self._beside = around.beside
        self.reloading = around.reloading
        self._group: asyncio.TaskGroup | None = None

    def install(self, service: Service) -> None:
        """Serve all further requests by ``service``; the one before it ends with its last."""
        retiring, self._service = self._service, service
        if self._group is not None:
            self._group.create_task(retiring.retire())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await asgi.serve(self.serve, scope, receive, send)

    async def aclose(self) -> None:
        """Wait for the last request to end, and close what all of them stood on."""
        await self._service.retire()
        self._at_end()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with asyncio.TaskGroup() as group:
            self._group = group
            watching = [group.create_task(self.pressure.watch())]
            watching += [group.create_task(one()) for one in self._beside]
            if self.reloading is not None:
                watching.append(group.create_task(self.reloading.watch(self.install)))
            await send({"type": "lifespan.startup.complete"})
            await receive()
            for task in watching:
                task.cancel()
            self._group = None
            await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def serve(self, request: Request) -> None:
        """Carry one request to its end; a client that leaves cancels whatever is under way."""
        started = time.perf_counter()
        connection = request.connection
        reply = Reply(connection, new_request_id())
        outcome = Outcome(request_id=reply.request_id, endpoint=f"{request.method} {request.path}")
        REQUEST_ID.set(reply.request_id)
        self.in_flight += 1
        task = cast("asyncio.Task[None]", asyncio.current_task())
        connection.on_disconnect(task.cancel)
        try:
            await self._answer(request, reply, outcome)
        except (ClientGone, asyncio.CancelledError) as end:
            # Its trace holds the whole call, and some of what is in there holds it: a circle.
            end.__traceback__ = end.__context__ = None
            task.uncancel()
            if connection.disconnected or reply.finished:
                outcome.ending = _ending(reply, outcome) if reply.finished else "client_closed"
            else:
                outcome.ending = "failed"
                await self._break_off(request, reply)
        finally:
            self.in_flight -= 1
            outcome.status, outcome.streamed = reply.status, reply.streams
            outcome.seconds = time.perf_counter() - started
            self._observer.ended(outcome)

    async def _break_off(self, request: Request, reply: Reply) -> None:
        """End what the server has no more time for."""
        error = GatewayBusy("The gateway is shutting down.", code="server_draining")
        if reply.started:
            await reply.events(_event(request, reply, error))
            reply.break_off()
        else:
            await _refuse(request, reply, error)

    async def _answer(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Call the endpoint; whatever it raises becomes an answer in the caller's protocol."""
        try:
            refuse_loop(request.headers)
            service = self._service
            with service:
                await service.endpoint(request)(request, reply, outcome)
        except GatewayError as error:
            failure = error.kept()
        except ClientGone:
            raise
        except Exception:  # the edge: a defect must not take the connection down with it
            log.exception("defect while serving %s", reply.request_id)
            failure = GatewayDefect("The gateway failed; this is a bug in it.")
        else:
            outcome.ending = _ending(reply, outcome)
            return
        outcome.error = failure.code
        if reply.started:
            outcome.ending = "failed"
            reply.break_off()
        else:
            await _refuse(request, reply, failure)


def _ending(reply: Reply, outcome: Outcome) -> Ending:
    """Say how an answer that is over has ended; a broken one by what broke the last attempt."""
    if not reply.broken:
        return "complete"
    if outcome.error is None and outcome.attempts:
        outcome.error = outcome.attempts[-1].error
    return "failed"


def _event(request: Request, reply: Reply, error: GatewayError) -> bytes:
    """Tell an error in the middle of a stream."""
    if request.speaks_messages:
        document = messages_errors.document(error, reply.request_id)
        return sse.named_frame("error", json.encode(document))
    return sse.data_frame(json.encode(chat_errors.document(error)))


async def _refuse(request: Request, reply: Reply, error: GatewayError) -> None:
    """Answer with an error, in the words of whichever protocol the caller speaks."""
    headers = chat_errors.headers(error)
    if request.speaks_messages:
        status = messages_errors.status_of(error)
        body = messages_errors.body(error, reply.request_id)
    else:
        status, body = error.status, chat_errors.body(error)
    if error.status == 413 and not isinstance(error, UpstreamError):
        headers["connection"] = "close"
        await reply.body(status, body, headers, linger=request.discard)
    else:
        await reply.body(status, body, headers)
