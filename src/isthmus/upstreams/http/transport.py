"""The transport of ours: HTTP/1.1 over connections that are kept for the next request.

Owns the pool, the one retry on a connection that had been closed behind our back, and how a
request is written. Redirects are not followed, the environment's proxies not looked for, nothing
is decompressed, and no header is sent but those asked for and the framing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import NamedTuple

from isthmus.config.proxy import Proxy
from isthmus.upstreams.http.connection import Connection
from isthmus.upstreams.http.dial import Dialer
from isthmus.upstreams.http.origin import Address, Origin, address
from isthmus.upstreams.transport import Sent, TransportError, UpstreamRequest

#: Idle connections are dropped before a typical load balancer does it.
_KEEP_ALIVE = 55.0

#: From what may safely be sent again to what may have been answered.
_EXTENTS: tuple[Sent, ...] = ("nothing", "some", "unknown", "all")


class _Asked(NamedTuple):
    """One request, ready to be written, as often as it takes."""

    origin: Origin
    head: bytes
    body: bytes
    write_timeout: float


class HttpTransport:
    """Sends requests to any number of origins, all through ``proxy`` if there is one.

    Must be used in one event loop.
    """

    def __init__(self, proxy: Proxy | None = None) -> None:
        self._dialer = Dialer(proxy)
        #: Idle connections with the time they became so, the freshest last.
        self._idle: dict[Origin, list[tuple[float, Connection]]] = {}
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def send(
        self, request: UpstreamRequest, *, connect_timeout: float, write_timeout: float = 30.0
    ) -> HttpResponse:
        """Send ``request`` and wait for the head of the answer.

        A kept connection that dies before any byte of the answer had most likely been closed by
        its peer long before: the request is sent once more on a new one.

        Raises:
            TransportError: no head arrived.
            ValueError: the URL or a header cannot be written.
        """
        to = address(request.url)
        asked = _Asked(to.origin, _head(request, to), request.body, write_timeout)
        before: Sent = "nothing"
        connection = self._take(to.origin)
        if connection is not None:
            try:
                return await self._ask(connection, asked)
            except TransportError as error:
                if connection.begun or error.reason not in ("reset", "eof"):
                    raise
                before = error.sent
        try:
            connection = await self._dialer.dial(to.origin, connect_timeout)
            self._open.add(connection)
            return await self._ask(connection, asked)
        except TransportError as error:
            # What the first connection took may have been acted upon, whatever the second did.
            error.sent = _EXTENTS[max(map(_EXTENTS.index, (before, error.sent)))]
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._idle.clear()
        for connection in self._open:
            connection.abort()
        self._open.clear()
        # The event loop closes the sockets in its next round.
        await asyncio.sleep(0)

    async def _ask(self, connection: Connection, asked: _Asked) -> HttpResponse:
        answered = False
        try:
            connection.ask(asked.head, asked.body, asked.write_timeout)
            await connection.head()
            answered = True
        finally:
            # Cancelled or failed: whatever may still come would be taken for the next answer.
            if not answered:
                self._drop(connection)
        return HttpResponse(self, connection, asked.origin)

    # The pool -------------------------------------------------------------------------------

    def _take(self, origin: Origin) -> Connection | None:
        """Take the connection that was used last, if there is one that still lives."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        oldest = asyncio.get_running_loop().time() - _KEEP_ALIVE
        while idle:
            since, connection = idle.pop()
            if connection.reusable and since >= oldest:
                return connection
            self._drop(connection)
        return None

    def give_back(self, connection: Connection, origin: Origin) -> None:
        """Keep a connection if another request may follow on it, else close it at once."""
        if not connection.reusable or connection not in self._open:
            self._drop(connection)
            return
        connection.used = True
        loop = asyncio.get_running_loop()
        self._idle.setdefault(origin, []).append((loop.time(), connection))
        if self._sweeper is None:
            self._sweeper = loop.call_later(_KEEP_ALIVE, self._sweep)

    def _drop(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.abort()

    def _sweep(self) -> None:
        """Close what nobody has used for long; come again while there is something to watch."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - _KEEP_ALIVE
        for origin, idle in list(self._idle.items()):
            kept: list[tuple[float, Connection]] = []
            for since, connection in idle:
                if connection.reusable and since > oldest:
                    kept.append((since, connection))
                else:
                    self._drop(connection)
            if kept:
                self._idle[origin] = kept
            else:
                del self._idle[origin]
        self._sweeper = loop.call_later(_KEEP_ALIVE / 2, self._sweep) if self._idle else None


class HttpResponse:
    """An answer whose head has arrived."""

    def __init__(self, transport: HttpTransport, connection: Connection, origin: Origin) -> None:
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers
        self._transport = transport
        self._connection: Connection | None = connection
        self._origin = origin

    def read_some(self) -> Awaitable[bytes]:
        """Wait for the next bytes of the body and return all that are at hand; b"" at its end."""
        return _nothing() if self._connection is None else self._connection.read()

    async def read_all(self, limit: int) -> bytes:
        """Read the whole body, up to ``limit`` bytes."""
        chunks: list[bytes] = []
        size = 0
        while chunk := await self.read_some():
            size += len(chunk)
            if size > limit:
                self.close()
                raise TransportError("the body is too large", reason="protocol", sent="all")
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def close(self) -> None:
        """Keep the connection if the body was read to its end, else abort it."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._transport.give_back(connection, self._origin)


async def _nothing() -> bytes:
    return b""


def _head(request: UpstreamRequest, to: Address) -> bytes:
    """Write request line and headers.

    Raises:
        ValueError: a header would break out of its line.
    """
    headers = "".join([f"{name}: {value}\r\n" for name, value in request.headers.items()])
    if headers.count("\r") != len(request.headers) or headers.count("\n") != len(request.headers):
        raise ValueError("a header holds a line break")
    return (
        f"{request.method} {to.target} HTTP/1.1\r\nhost: {to.host}\r\n{headers}"
        f"content-length: {len(request.body)}\r\n\r\n"
    ).encode("latin-1")
