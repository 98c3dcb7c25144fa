"""One HTTP/1.1 connection: writes a request, parses the answer, says how far both got (RFC 9112).

Owns the framing, its limits and the back-pressure. Which connection carries what is for
`transport.py`; what an answer means is for others. httptools parses, strictly.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from typing import Any, cast

import httptools

from isthmus.upstreams.transport import Sent, TransportError

#: A peer may send so much without saying anything: a head, trailers, chunk extensions.
MAX_HEAD = 64 * 1024
MAX_HEADERS = 256
#: More than this is not read before somebody takes what is there.
_READ_AHEAD = 256 * 1024
#: Up to this size a request goes out in one piece: copying is cheaper than a second write.
_ONE_WRITE = 64 * 1024
#: Of a larger one so much at a time, when the peer has taken what came before: TLS would hand all
#: of it on at once, and know nothing of the peer.
_PIECE = 256 * 1024
#: An empty view of a request would keep all of it in memory.
_NOTHING = memoryview(b"")
_BODILESS = frozenset({204, 304})
#: Closing with this throws away what was not sent (socket(7), SO_LINGER).
_NO_LINGER = struct.pack("ii", 1, 0)


class Headers(Mapping[str, str]):
    """Response headers, looked up in the bytes of the head: most are never looked at.

    Names are in lower case; repeated ones are joined by commas.
    """

    __slots__ = ("_lower", "_raw")

    def __init__(self, head: bytes = b"\r\n") -> None:
        """Take a head whose framing is known to be sound, up to the end of its last line."""
        self._raw = head
        self._lower = head.lower()

    def __getitem__(self, name: str) -> str:
        """Return a value by its name in lower case."""
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value by its name in lower case, or ``default``."""
        line = b"\r\n%b:" % name.encode("latin-1")
        at = self._lower.find(line)
        if at < 0:
            return default
        values: list[bytes] = []
        while at >= 0:
            start = at + len(line)
            end = self._raw.find(b"\r\n", start)
            values.append(self._raw[start:end].strip(b" \t"))
            at = self._lower.find(line, end)
        return b", ".join(values).decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        lines = self._lower.split(b"\r\n")[1:-1]
        return iter(dict.fromkeys(line.partition(b":")[0].decode("latin-1") for line in lines))

    def __len__(self) -> int:
        """Count the names."""
        return sum(1 for _ in self)


_NO_HEADERS = Headers()


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time: `ask`, `head`, `read`, and again.

    ``status`` and ``headers`` hold for the current answer once `head` has returned; ``used``:
    whether it has carried an earlier request.
    """

    status = 0
    headers: Headers

    def __init__(self) -> None:
        self.used = False
        self.lost = False
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._rest = _NOTHING
        self._writing = True
        self._flushed = True
        self._reading = True
        self._write_timeout = math.inf
        self._write_timer: asyncio.TimerHandle | None = None
        self._reset()
        #: Nothing was asked: whatever arrives is not an answer.
        self._complete = True
        self._keeps = True

    def _reset(self) -> None:
        self.headers = _NO_HEADERS
        self._head = b""
        self._chunks: list[bytes] = []
        self._buffered = 0
        #: Bytes since the last that meant anything.
        self._idle_bytes = 0
        self._begun = False
        self._has_head = False
        self._complete = False
        self._ends_with_connection = False
        #: Whether another request may follow on this connection.
        self._keeps = False
        self._failure: str | None = None

    # For the transport ----------------------------------------------------------------------

    @property
    def reusable(self) -> bool:
        """Whether the answer was read to its framed end, no byte is left, and both sides go on."""
        return (
            self._complete
            and self._keeps
            and not self._chunks
            and self._flushed
            and not self.lost
            and not self._transport.is_closing()
        )

    @property
    def sent(self) -> Sent:
        """How much of the request has been handed to the operating system, before any answer."""
        return "all" if self._flushed else "some"

    @property
    def begun(self) -> bool:
        """Whether any byte of the answer has arrived."""
        return self._begun

    def ask(self, head: bytes, body: bytes, seconds: float = math.inf) -> None:
        """Write a request, which the peer has to take within so many seconds.

        The connection must be new or reusable.
        """
        self._reset()
        self._write_timeout = seconds
        if len(body) <= _ONE_WRITE:
            self._transport.write(head + body)
            return
        self._rest = memoryview(body)[_PIECE:]
        self._transport.writelines((head, memoryview(body)[:_PIECE]))
        self._write_on()

    async def head(self) -> None:
        """Wait for the head of the answer.

        Raises:
            TransportError: none came.
        """
        while not self._has_head:
            self._raise_failure()
            await self._news()

    async def read(self) -> bytes:
        """Wait for bytes of the body, return all that are there; b"" at its end.

        Raises:
            TransportError: the body was cut off before its framed end.
        """
        chunks = self._chunks
        while not chunks:
            if self._complete:
                return b""
            if self._failure is not None:
                self._raise_failure()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        taken = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self._buffered = 0
        if not self._reading and not self.lost:
            self._reading = True
            self._transport.resume_reading()
        return taken

    def abort(self) -> None:
        """Close at once; what has not been sent never will be."""
        if not self._flushed and not self._transport.is_closing():
            # The system would keep the end from a peer that does not take what came before.
            connected = self._transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise TransportError(
                "the connection failed", reason=self._failure, sent=self.sent, reused=self.used
            )

    async def _news(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, reason: str) -> None:
        if self._failure is None:
            self._failure = reason
        self._keeps = False
        self._wake()

    # Called by the event loop ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, which is to say when a large request was written to its end."""
        self._transport = cast("asyncio.Transport", transport)
        # A small one is handed over whole. (No limit at all would cost uvloop's habit of writing
        # what one round of the event loop brought together, and each peer a wake-up of its own.)
        self._transport.set_write_buffer_limits(high=_ONE_WRITE, low=0)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived."""
        if self._complete:
            self._keeps = False  # an answer to nothing
            return
        self._begun = True
        self._idle_bytes += len(data)
        if not self._has_head:
            self._head += data
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._broken()
        if self._idle_bytes > MAX_HEAD and not self._complete:
            self._broken()
        if self._has_head:
            self._wake()
        if self._buffered > _READ_AHEAD and self._reading:
            self._reading = False
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """Note that the peer ended: so did the answer, if nothing else says where it ends."""
        if self._ends_with_connection and not self._complete and self._said_farewell():
            self._complete = True
            self._wake()

    def _said_farewell(self) -> bool:
        """Whether the end is the peer's own word: of TLS, anybody between can end the TCP below."""
        tls: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        try:
            return tls is None or tls.read(1) == b""
        except ssl.SSLError:
            return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, which comes too early unless the answer is complete."""
        self.lost = True
        self._keeps = False
        del self._parser  # which holds this connection: a circle
        self._stop_write_timer()
        if self._complete:
            return
        if self._begun and not self._has_head:
            self._fail("protocol")
        else:
            self._fail("eof" if exc is None else "reset")

    def pause_writing(self) -> None:
        """Note that the peer takes no more for now."""
        self._writing = self._flushed = False
        if self._write_timer is None:
            self._write_timer = self._loop.call_later(self._write_timeout, self._not_taken)

    def resume_writing(self) -> None:
        """Write on: the peer has taken all that was written."""
        self._writing = True
        self._write_on()

    def _write_on(self) -> None:
        """Write as much as the peer takes now."""
        while self._writing and self._rest and not self._transport.is_closing():
            piece, self._rest = self._rest[:_PIECE], self._rest[_PIECE:]
            self._transport.write(piece)
        if self._writing and not self._rest:
            self._rest = _NOTHING
            self._stop_write_timer()
            # Who answered before may not have listened: nothing follows on this connection.
            self._flushed = not self._has_head

    def _not_taken(self) -> None:
        """Give up, unless the peer has answered: it need not take the rest, and may never."""
        if not self._has_head:
            self._fail("timeout")

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _broken(self) -> None:
        """Give up on a peer that does not speak HTTP; an answer that is complete stays so."""
        self._keeps = False
        if not self._complete:
            self._fail("protocol")
            self._transport.abort()

    # Called by the parser -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Refuse a second answer, for which nobody asked: its body would follow the first's."""
        if self._complete:
            raise ValueError("more than was asked for")

    def on_headers_complete(self) -> None:
        """Note how the body is framed; heads before the final one are only greetings."""
        status = self._parser.get_status_code()
        if self._complete or status < 200:
            if status < 100:
                raise ValueError("no status")
            return
        headers = self.headers = Headers(self._taken_head())
        coding = headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            raise ValueError("a transfer coding that is not known here")
        self.status = status
        self._has_head = True
        self._head = b""
        self._ends_with_connection = (
            coding is None and "content-length" not in headers and status not in _BODILESS
        )

    def _taken_head(self) -> bytes:
        """Take the head that has just ended from what arrived, without the blank line."""
        arrived = self._head.lstrip(b"\r\n")
        end = arrived.find(b"\r\n\r\n") + 2
        head, self._head = arrived[:end], arrived[end + 2 :]
        if end < 2 or b"\r\n " in head or b"\r\n\t" in head or head.count(b"\n") > MAX_HEADERS + 1:
            raise ValueError("too many headers, or lines that go on on the next one")
        return head

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._chunks.append(body)
        self._buffered += len(body)
        self._idle_bytes = 0

    def on_message_complete(self) -> None:
        """Note the framed end."""
        if self._has_head:
            self._complete = True
            self._keeps = self._failure is None and self._parser.should_keep_alive()
        elif self._parser.get_status_code() == 101:
            raise ValueError("a protocol for which nobody asked")
        else:
            self._taken_head()
