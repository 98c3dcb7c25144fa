"""What an endpoint needs to know and do about the connection its answer goes out on.

ASGI can neither tell a busy application that its client has left nor end an answer so that the
client notices. Our HTTP server offers both as an extension of the scope; on other servers a watcher
on ``receive`` and returning without completing come as near as one can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

EXTENSION = "isthmus.connection"

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]


class Connection(Protocol):
    """The connection of one request."""

    @property
    def disconnected(self) -> bool:
        """Whether the client has left before its answer was complete."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether more is waiting to be sent than the connection holds."""
        ...

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` when the client leaves; at once if it already has."""
        ...

    def abort(self) -> None:
        """End the answer uncleanly once all that was written has been sent."""
        ...

    @property
    def answer(self) -> Callable[[int, bytes, bytes], None] | None:
        """The short way to send a whole answer: status, header lines, body. None: there is none."""
        ...


class PlainConnection:
    """A connection of a server that knows nothing of the extension.

    `receive` has to be called in place of the server's own. `watch` runs beside the endpoint once
    the body has been read, since only one of them may be waiting for messages.
    """

    answer = None
    blocked = False

    def __init__(self, receive: Receive) -> None:
        self.disconnected = False
        self._receive = receive
        self._body_read = asyncio.Event()
        self._callback: Callable[[], object] | None = None

    async def receive(self) -> Message:
        """Receive the next message for the endpoint."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._body_read.set()
        return message

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` when the client leaves; at once if it already has."""
        self._callback = callback
        if self.disconnected:
            callback()

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


def offered(scope: dict[str, Any]) -> Connection | None:
    """Return the connection as the server offers it; None where it does not."""
    return cast("Connection | None", scope.get("extensions", {}).get(EXTENSION))
