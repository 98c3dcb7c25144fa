"""The answer to one HTTP request: whole, or as server-sent events.

Owns the headers that every answer carries. What is said in a protocol's own words comes from
``wire/``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from isthmus.serving.connection import Connection
from isthmus.wire import json

_EVENT_STREAM = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    # nginx would otherwise collect events before it passes them on.
    "x-accel-buffering": "no",
}


class Reply:
    """Sends one answer. ``headers`` may be added to until the head has gone out.

    ``streams`` says that it goes out as events, ``broken`` that it ended before it was complete;
    ``last_write`` is the time, by the loop's clock, when events were last sent.
    """

    __slots__ = (
        "_connection",
        "_now",
        "broken",
        "finished",
        "headers",
        "last_write",
        "request_id",
        "started",
        "status",
        "streams",
    )

    def __init__(self, connection: Connection, request_id: str) -> None:
        self.request_id = request_id
        self.started = False
        self.finished = False
        self.streams = False
        self.broken = False
        self.status = 0
        self.headers: dict[str, str] = {"x-request-id": request_id, "request-id": request_id}
        self.last_write = 0.0
        self._now = asyncio.get_running_loop().time
        self._connection = connection

    @property
    def blocked(self) -> bool:
        """Whether what is sent would have to wait for the client."""
        return self._connection.blocked

    async def whole(
        self,
        status: int,
        document: Any,
        headers: Mapping[str, str] | None = None,
        linger: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Send one JSON document as the whole answer.

        ``linger`` runs when the client has all of it but the connection is not yet done with.
        """
        await self.body(status, json.encode(document), headers, linger)

    async def body(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        linger: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Send the JSON text ``body`` as the whole answer."""
        if headers:
            self.headers.update(headers)
        self.headers["content-type"] = "application/json"
        self.headers["content-length"] = str(len(body))
        self.status, self.started = status, True
        if linger is None:
            self.finished = True
            await self._connection.answer(status, _lines(self.headers), body)
            return
        await self._connection.start(status, _lines(self.headers))
        await self._connection.send(body)
        await linger()
        await self._connection.finish(b"")
        self.finished = True

    async def start_events(self) -> None:
        """Send the head of a stream of events, with the first of them."""
        self.headers.update(_EVENT_STREAM)
        self.status, self.started, self.streams = 200, True, True
        await self._connection.start(200, _lines(self.headers))

    def events(self, frames: bytes) -> Awaitable[None]:
        """Send framed events. Returns when the client can take more."""
        self.last_write = self._now()
        return self._connection.send(frames)

    async def finish_events(self, frames: bytes) -> None:
        """Send the last events and end the stream as complete."""
        await self._connection.finish(frames)
        self.finished = True

    def break_off(self) -> None:
        """End the stream so that no client can take it for complete."""
        self._connection.abort()
        self.finished = self.broken = True


def _lines(headers: Mapping[str, str]) -> bytes:
    """Write header lines; checked together where nothing is wrong with any."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if (
        text.isascii()
        and text.replace("\r\n", "").isprintable()
        and text.count("\n") == len(headers)
    ):
        return text.encode()
    return b"".join([b"%b: %b\r\n" % (name.encode(), _safe(v)) for name, v in headers.items()])


def _safe(value: str) -> bytes:
    """Write a header value in printable ASCII, whatever a caller managed to put into it."""
    if value.isascii() and value.isprintable():
        return value.encode()
    text = value.encode("ascii", "backslashreplace")
    return bytes(byte if 32 <= byte < 127 else 32 for byte in text)
