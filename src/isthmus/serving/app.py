"""The doors: every route on one screen, and the edge where errors become answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Literal, cast

from msgspec import Struct

from isthmus.access.keys import KeyRing
from isthmus.call import Ending, Observer, Outcome
from isthmus.errors import GatewayBusy, GatewayDefect, GatewayError, InvalidRequest
from isthmus.serving.chat import ChatCompletions
from isthmus.serving.connection import Connection, PlainConnection, offered
from isthmus.serving.drain import Drain
from isthmus.serving.health import Health
from isthmus.serving.models import Models
from isthmus.serving.reply import Reply
from isthmus.serving.request import ClientGone, Receive, Request, Scope, Send
from isthmus.serving.request_id import new_request_id
from isthmus.telemetry.metrics import Metrics
from isthmus.telemetry.records import REQUEST_ID
from isthmus.wire import json, sse
from isthmus.wire.chat import errors as chat_errors
from isthmus.wire.messages import errors as messages_errors

log = logging.getLogger("isthmus")


#: Answers requests of one route, or raises a `GatewayError` to be answered with.
Endpoint = Callable[[Request, Reply, Outcome], Awaitable[None]]


class Doors(Struct, frozen=True, kw_only=True):
    """The endpoints there are."""

    chat: ChatCompletions
    models: Models
    health: Health


class Route(Struct, frozen=True):
    """One door. ``key``: whether it needs one; ``says``: what it is for, also in the reference."""

    method: str
    path: str
    endpoint: Callable[[Doors], Endpoint]
    key: Literal["required", "not needed", "as configured"]
    says: str


ROUTES = (
    Route("POST", "/v1/chat/completions", lambda d: d.chat.complete, "required", "Answer a chat."),
    Route("GET", "/v1/models", lambda d: d.models.list, "as configured", "List the models."),
    Route("GET", "/v1/models/{id}", lambda d: d.models.one, "as configured", "Describe a model."),
    Route("GET", "/livez", lambda d: d.health.live, "not needed", "Whether the process runs."),
    Route("GET", "/healthz", lambda d: d.health.live, "not needed", "The same."),
    Route("GET", "/readyz", lambda d: d.health.ready, "not needed", "Whether it takes calls."),
)


class App:
    """The ASGI application. ``resources`` are opened with the server, and closed with it."""

    def __init__(
        self,
        doors: Doors,
        keys: KeyRing,
        *,
        drain: Drain,
        resources: AbstractAsyncContextManager[object],
        observer: Observer,
        metrics: Metrics,
    ) -> None:
        self.drain = drain
        self.metrics = metrics
        self.in_flight = 0
        metrics.reads("isthmus_requests_in_flight", lambda: self.in_flight)
        self._keys = keys
        self.resources = resources
        self._observer = observer
        self._routes: dict[str, dict[str, Endpoint]] = {}
        self._below: dict[str, dict[str, Endpoint]] = {}
        for route in ROUTES:
            start, _, rest = route.path.partition("{")
            table = self._below if rest else self._routes
            table.setdefault(start, {})[route.method] = route.endpoint(doors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            await receive()
            try:
                await stack.enter_async_context(self.resources)
            except OSError as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        offers = offered(scope)
        if offers is not None:
            await self._carry(scope, receive, send, offers)
            return
        connection = PlainConnection(receive)
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(connection.watch())
            await self._carry(scope, connection.receive, send, connection)
            watcher.cancel()

    async def _carry(
        self, scope: Scope, receive: Receive, send: Send, connection: Connection
    ) -> None:
        """Carry one request to its end; a client that leaves cancels whatever is under way."""
        started = time.perf_counter()
        request = Request(scope, receive)
        reply = Reply(send, connection, new_request_id())
        outcome = Outcome(request_id=reply.request_id, endpoint=f"{request.method} {request.path}")
        REQUEST_ID.set(reply.request_id)
        self.in_flight += 1
        task = cast("asyncio.Task[None]", asyncio.current_task())
        connection.on_disconnect(task.cancel)
        try:
            await self._answer(request, reply, outcome)
        except (ClientGone, asyncio.CancelledError):
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
            await reply.events(sse.data_frame(json.encode(chat_errors.document(error))))
            reply.break_off()
        else:
            await _refuse(request, reply, error)

    async def _answer(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Call the endpoint; whatever it raises becomes an answer in the caller's protocol."""
        try:
            await self._endpoint(request)(request, reply, outcome)
        except GatewayError as error:
            failure = error
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

    def _endpoint(self, request: Request) -> Endpoint:
        methods = self._routes.get(request.path)
        if methods is None:
            methods = next(
                (found for start, found in self._below.items() if request.path.startswith(start)),
                None,
            )
        if methods is None:
            self._keys.authenticate(
                request.headers.get("authorization"), request.headers.get("x-api-key")
            )
            raise InvalidRequest(
                f"There is nothing at {request.path}.", status=404, code="not_found"
            )
        method = "GET" if request.method == "HEAD" else request.method
        if method not in methods:
            allowed = ", ".join(methods)
            raise InvalidRequest(
                f"{request.path} takes {allowed}, not {request.method}.",
                status=405,
                code="method_not_allowed",
            )
        return methods[method]


def _ending(reply: Reply, outcome: Outcome) -> Ending:
    """Say how an answer that is over has ended; a broken one by what broke the last attempt."""
    if not reply.broken:
        return "complete"
    if outcome.error is None and outcome.attempts:
        outcome.error = outcome.attempts[-1].error
    return "failed"


async def _refuse(request: Request, reply: Reply, error: GatewayError) -> None:
    """Answer with an error, in the words of whichever protocol the caller speaks."""
    if "anthropic-version" in request.headers:
        document = messages_errors.document(error, reply.request_id)
    else:
        document = chat_errors.document(error)
    headers = chat_errors.headers(error)
    if error.status == 413:
        headers["connection"] = "close"
        await reply.whole(error.status, document, headers, linger=request.discard)
    else:
        await reply.whole(error.status, document, headers)
