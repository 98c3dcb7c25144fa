"""A client's connection: writes one request at a time, and keeps what it hears to the last byte."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass, field
from typing import Literal

import httptools

#: How an answer ended: as its framing demands; by the connection's end; by a reset; by our own
#: leaving; not at all. ``refused``: no connection was made.
End = Literal["framed", "eof", "reset", "left", "hung", "refused"]

#: Nobody should hear nothing for longer, or wait longer for the end. Seconds.
PATIENCE, ENDLESS = 30.0, 90.0
#: How a slow client reads: so many bytes, then it pauses for so many seconds.
_SIP, _BREATH = 64 * 1024, 0.05
#: What it lets the system keep for it, so that most of what is not read stays with the sender.
_KEPT = 32 * 1024


@dataclass
class Heard:
    """What a client heard. Times are monotonic seconds; ``last``: of the last bytes."""

    asked: float
    ended: float = 0.0
    last: float = 0.0
    end: End = "hung"
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """All that came after the head."""
        return b"".join(self.chunks)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.asked


class Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, *, slow: bool = False) -> None:
        self.lost = False
        self._slow = slow
        self._sipped = 0
        self._heard = Heard(0.0)
        self._keeps = False
        self._over: asyncio.Future[None] | None = None
        self._parser = httptools.HttpResponseParser(self)

    @property
    def reusable(self) -> bool:
        """Whether another request may follow."""
        return self._keeps and not self.lost

    async def ask(self, request: bytes, leaves_after: float | None = None) -> Heard:
        """Write a request and listen to the end of its answer, or leave before it."""
        now = time.monotonic()
        heard = self._heard = Heard(now, last=now)
        self._over = asyncio.get_running_loop().create_future()
        self._keeps = False
        if self.lost:
            self._end("eof")
        self._transport.write(request)
        if leaves_after is not None:
            await asyncio.wait((self._over,), timeout=leaves_after)
            self._end("left")
        while not self._over.done():
            until = min(heard.last + PATIENCE, heard.asked + ENDLESS)
            left = until - time.monotonic()
            if left <= 0:
                self._end("hung")
            else:
                await asyncio.wait((self._over,), timeout=left)
        return heard

    def close(self) -> None:
        """Close in good order."""
        self._transport.close()

    def abort(self) -> None:
        """Reset the connection."""
        self._transport.abort()

    # Called by the event loop ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._heard.last = time.monotonic()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._heard.headers["x-not-http"] = repr(data[:200])
            self._end("reset")
        if self._slow:
            self._sipped += len(data)
            if self._sipped >= _SIP:
                self._sipped = 0
                self._transport.pause_reading()
                asyncio.get_running_loop().call_later(_BREATH, self._breathe)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._end("eof" if error is None else "reset")

    def _breathe(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _end(self, how: End) -> None:
        """Note how it ended; what comes first counts."""
        if self._over is not None and not self._over.done():
            self._heard.end, self._heard.ended = how, time.monotonic()
            self._over.set_result(None)

    # Called by the parser -------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self._heard.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._heard.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._heard.chunks.append(body)

    def on_message_complete(self) -> None:
        self._keeps = self._parser.should_keep_alive()
        self._end("framed")


async def connect(port: int, *, slow: bool = False) -> Line:
    """Connect to the gateway.

    Raises:
        OSError: it refuses.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    if slow:  # so that what is not read stays with the sender
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KEPT)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(sock, ("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    _, line = await loop.create_connection(lambda: Line(slow=slow), sock=sock)
    return line


def refused() -> Heard:
    """Return what is heard where no connection is made."""
    now = time.monotonic()
    return Heard(now, now, end="refused")
