"""The answer to one HTTP request: whole, or as server-sent events.

Owns the headers that every answer carries and the order of ASGI messages. What is said in a
protocol's own words comes from ``wire/``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from isthmus.serving.connection import Connection
from isthmus.serving.request import Send
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

    def __init__(self, send: Send, connection: Connection, request_id: str) -> None:
        self.request_id = request_id
        self.started = False
        self.finished = False
        self.streams = False
        self.broken = False
        self.status = 0
        self.headers: dict[str, str] = {"x-request-id": request_id, "request-id": request_id}
        self.last_write = 0.0
        self._now = asyncio.get_running_loop().time
        self._send = send
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
        body = json.encode(document)
        self.headers.update(headers or {})
        self.headers["content-type"] = "application/json"
        self.headers["content-length"] = str(len(body))
        answer = self._connection.answer
        if answer is not None and linger is None:
            self.status, self.started, self.finished = status, True, True
            answer(status, _lines(self.headers), body)
            return
        await self._start(status)
        if linger is not None:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
            body = b""
            await linger()
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
        self.finished = True

    async def start_events(self) -> None:
        """Send the head of a stream of events."""
        self.headers.update(_EVENT_STREAM)
        self.streams = True
        await self._start(200)

    async def events(self, frames: bytes) -> None:
        """Send framed events. Returns when the client can take more."""
        self.last_write = self._now()
        await self._send({"type": "http.response.body", "body": frames, "more_body": True})

    async def finish_events(self, frames: bytes) -> None:
        """Send the last events and end the stream as complete."""
        await self._send({"type": "http.response.body", "body": frames, "more_body": False})
        self.finished = True

    def break_off(self) -> None:
        """End the stream so that no client can take it for complete."""
        self._connection.abort()
        self.finished = self.broken = True

    async def _start(self, status: int) -> None:
        self.status = status
        self.started = True
        headers = [(name.encode(), _safe(value)) for name, value in self.headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


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
