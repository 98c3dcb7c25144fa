"""ASGI, both ways: the gateway on servers that are not ours, other applications on ours.

ASGI can neither tell a busy application that its client has left nor end an answer so that the
client notices: a watcher on ``receive`` and returning without completing come as near as one can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from isthmus.serving.connection import ClientGone, Connection
from isthmus.serving.request import Handler, Request

#: The name under which an application that our server hosts finds its connection.
EXTENSION = "isthmus.connection"

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def serve(handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """Let ``handler`` answer one HTTP request."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    client = (scope.get("client") or ("",))[0]
    connection = AsgiConnection(receive, send, client)
    request = Request(scope["method"], scope["path"], headers, connection)
    request.query = scope.get("query_string", b"")
    async with asyncio.TaskGroup() as group:
        watcher = group.create_task(connection.watch())
        await handler(request)
        watcher.cancel()


class AsgiConnection:
    """The connection of one request, as `serving.connection.Connection` describes it.

    `watch` runs beside the endpoint, from when the body has been read: only one of them may be
    waiting for messages.
    """

    blocked = False

    def __init__(self, receive: Receive, send: Send, client: str = "") -> None:
        self.disconnected = False
        self.client = client
        self._receive = receive
        self._send = send
        self._more = True
        self._body_read = asyncio.Event()
        self._callback: Callable[[], object] | None = None

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` when the client leaves; at once if it already has."""
        self._callback = callback
        if self.disconnected:
            callback()

    async def receive(self) -> bytes:
        """Wait for bytes of the request's body and return them; b"" at its end.

        Raises:
            ClientGone: the client left before that.
        """
        while self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._body_read.set()
                raise ClientGone
            self._more = message.get("more_body", False)
            if not self._more:
                self._body_read.set()
            if message.get("body"):
                return message["body"]
        return b""

    async def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """Send a whole answer."""
        await self.start(status, lines)
        await self.finish(body)

    async def start(self, status: int, lines: bytes) -> None:
        """Begin an answer."""
        pairs = (line.split(b": ", 1) for line in lines.split(b"\r\n") if line)
        headers = [(name, value) for name, value in pairs]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def send(self, data: bytes) -> None:
        """Send bytes of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes) -> None:
        """Send the last bytes, and end the answer as complete."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    def abort(self) -> None:
        """Do nothing: an answer that is never completed is all such a server understands."""

    async def watch(self) -> None:
        """Wait until the client leaves. Runs until then or until it is cancelled."""
        await self._body_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self.disconnected = True
        if self._callback is not None:
            self._callback()


class Hosted:
    """An ASGI application on our server: what `serving.server` serves."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the messages about the life of the server."""
        await self._app(scope, receive, send)

    async def serve(self, request: Request) -> None:
        """Let the application answer one request.

        In the extension ``isthmus.connection`` of the scope it finds the connection.
        """
        exchange = _HostedExchange(request.connection)
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.path,
            "query_string": request.query,
            "headers": [
                (name.encode(), v.encode("latin-1")) for name, v in request.headers.items()
            ],
            "extensions": {EXTENSION: request.connection},
        }
        await self._app(scope, exchange.receive, exchange.send)


class _HostedExchange:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._more = True
        self._gone = asyncio.Event()
        connection.on_disconnect(self._gone.set)

    async def receive(self) -> Message:
        if self._more:
            try:
                body = await self._connection.receive()
            except ClientGone:
                return {"type": "http.disconnect"}
            self._more = bool(body)
            return {"type": "http.request", "body": body, "more_body": self._more}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            lines = b"".join(b"%b: %b\r\n" % header for header in message["headers"])
            await self._connection.start(message["status"], lines)
        elif message.get("more_body", False):
            await self._connection.send(message.get("body", b""))
        else:
            await self._connection.finish(message.get("body", b""))
