"""The connection of one request, on our server: its body as it comes, its answer as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from isthmus.serving.connection import ClientGone

if TYPE_CHECKING:
    from isthmus.serving.protocol import IsthmusProtocol

STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
} | {529: b"HTTP/1.1 529 Overloaded\r\n"}
#: More of a body than this is not read ahead. Bytes.
_READ_AHEAD = 64 * 1024
_CLOSE = b"connection: close\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class ServerConnection:
    """The connection of one request, as `serving.connection.Connection` describes it.

    ``ended``: the answer is over, one way or another; ``keep_alive``: another request may follow.
    """

    __slots__ = (
        "_callback",
        "_chunked",
        "_expects",
        "_head",
        "_held",
        "_is_old",
        "_loop",
        "_more",
        "_protocol",
        "_size",
        "_started",
        "_takes_body",
        "_waiter",
        "disconnected",
        "ended",
        "keep_alive",
    )

    def __init__(self, protocol: IsthmusProtocol, *, method: str, is_old: bool) -> None:
        """Begin with a request's head; ``is_old``: the client speaks HTTP/1.0."""
        self.disconnected = False
        self.ended = False
        self.keep_alive = True
        self._protocol = protocol
        self._loop = protocol.loop
        self._is_old = is_old
        self._takes_body = method != "HEAD"
        self._expects = False
        self._callback: Callable[[], object] | None = None
        self._waiter: asyncio.Future[None] | None = None
        #: Of the request's body: what has come and was not taken, and whether there will be more.
        self._held: list[bytes] = []
        self._size = 0
        self._more = True
        self._started = False
        self._chunked = False
        #: The head of the answer, before it has gone out.
        self._head = b""

    @property
    def blocked(self) -> bool:
        """Whether more is waiting to be sent than the connection holds."""
        return self._protocol.blocked

    @property
    def client(self) -> str:
        """The address of the client; empty where it is not known."""
        name: object = self._protocol.transport.get_extra_info("peername")
        return str(cast("tuple[object, ...]", name)[0]) if isinstance(name, tuple) else ""

    @property
    def arriving(self) -> bool:
        """Whether the request is not complete, and nothing of its answer has gone out."""
        return self._more and not self._started

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` when the client leaves; at once if it already has."""
        self._callback = callback
        if self.disconnected:
            callback()

    # The request ----------------------------------------------------------------------------

    def expect_continue(self) -> None:
        """Tell the client to go on before its body is waited for: it asked to be told."""
        self._expects = True

    def feed(self, data: bytes) -> None:
        """Take a piece of the body."""
        if self.ended:
            return
        self._held.append(data)
        self._size += len(data)
        if self._size > _READ_AHEAD:
            self._protocol.pause_reading()
        self._wake()

    def feed_end(self) -> None:
        """Take the end of the body."""
        self._more = False
        self._wake()

    async def receive(self) -> bytes:
        """Wait for bytes of the request's body and return all that are there; b"" at its end.

        Raises:
            ClientGone: the client left before that.
        """
        while not self._held:
            if not self._more:
                return b""
            if self.disconnected or self.ended:
                raise ClientGone
            if self._expects and not self._started:
                self._expects = False
                self._protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        held = self._held
        taken = held[0] if len(held) == 1 else b"".join(held)
        held.clear()
        if self._size > _READ_AHEAD:
            self._protocol.resume_reading()
        self._size = 0
        return taken

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # The answer -----------------------------------------------------------------------------

    async def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """Send a whole answer; ``lines`` tell its length."""
        if self._is_gone():
            return
        head = self._head_of(status, lines)
        self._protocol.transport.write(head + body if self._takes_body else head)
        self._end()

    async def start(self, status: int, lines: bytes) -> None:
        """Begin an answer. What is sent next goes out with its head."""
        self._chunked = not self._is_old and b"content-length:" not in lines
        if self._chunked:
            lines += b"transfer-encoding: chunked\r\n"
        self._head = self._head_of(status, lines)

    async def send(self, data: bytes) -> None:
        """Send bytes of the body. Returns when the client can take more."""
        protocol = self._protocol
        if self.disconnected or self.ended or not data or not self._takes_body:
            return
        if self._chunked:
            data = b"%b%x\r\n%b\r\n" % (self._head, len(data), data)
        elif self._head:
            data = self._head + data
        self._head = b""
        protocol.transport.write(data)
        if protocol.blocked:
            await protocol.unblocked()

    async def finish(self, data: bytes) -> None:
        """Send the last bytes, and end the answer as complete."""
        if self._is_gone():
            return
        if not self._takes_body:
            data = b""
        elif self._chunked:
            data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else _LAST_CHUNK
        data = self._head + data
        if data:
            self._protocol.transport.write(data)
        self._end()

    def _is_gone(self) -> bool:
        return self.disconnected or self.ended or self._protocol.transport.is_closing()

    def _head_of(self, status: int, lines: bytes) -> bytes:
        self._started = True
        if _CLOSE in lines:
            self.keep_alive = False
        elif not self.keep_alive:
            lines += _CLOSE
        return b"%b%b%b\r\n" % (STATUS_LINES[status], self._protocol.date(), lines)

    def _end(self) -> None:
        self.ended = True
        self._wake()
        if not self.keep_alive:
            self._protocol.transport.close()
        self._protocol.answered()

    def abort(self) -> None:
        """End the answer uncleanly: no terminating chunk, or a reset where that means nothing."""
        self.ended = True
        if self._is_old:
            self._protocol.reset_when_flushed()
        else:
            self._protocol.transport.close()

    def lost(self) -> None:
        """Note that the client has left."""
        if self.ended or self.disconnected:
            return
        self.disconnected = True
        self._wake()
        if self._callback is not None:
            self._callback()
