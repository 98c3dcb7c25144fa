"""The transport over aiohttp: pooled HTTP/1.1 connections to any number of hosts.

aiohttp's own deadlines, redirects, cookies, proxies from the environment and default headers are
all switched off: what is sent is what was asked for, and timers belong to the exchange.
"""

from __future__ import annotations

import asyncio
import functools
import io
import socket
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import aiohttp

from isthmus.upstreams.transport import Sent, TransportError, UpstreamRequest

#: Idle connections are dropped before a typical load balancer does it.
_KEEP_ALIVE = 55.0
_READ_BUFFER = 256 * 1024
_DNS_CACHE = 60
_MAX_HEAD_LINE = 32 * 1024
#: Larger bodies are written in pieces, each when the peer has taken the one before, so that giving
#: up also ends the sending. (aiohttp warns of more in one piece.)
_IN_ONE_PIECE = 1024 * 1024
#: A peer that vanished is noticed after a minute (tcp(7)); not every system has all of these.
_PROBES = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

#: From what may safely be sent again to what may have been answered.
_EXTENTS: tuple[Sent, ...] = ("nothing", "unknown", "some", "all")


class _Progress:
    """How far a request got. Requests are handed to the kernel at once: connected means sent."""

    __slots__ = ("connected", "reused")

    def __init__(self) -> None:
        self.connected = False
        self.reused = False

    @property
    def sent(self) -> Sent:
        """How much of the request may have left; what may have been billed counts as all."""
        return "all" if self.connected else "nothing"


#: The request that the current task is about to send. aiohttp's tracing would tell as much, and
#: cost a sixth of a request.
_progress: ContextVar[_Progress] = ContextVar("progress")


class _Connector(aiohttp.TCPConnector):
    """Notes for each request whether it got a connection, and whether an old one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            limit=0, ttl_dns_cache=_DNS_CACHE, socket_factory=_socket, **options
        )
        self._used: WeakSet[object] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,
    ) -> Any:
        """Take a connection from the pool, or make one."""
        connection = await super().connect(req, traces, timeout)
        progress, protocol = _progress.get(), connection.protocol
        progress.connected = True
        progress.reused = protocol in self._used
        self._used.add(protocol)
        return connection


class AiohttpTransport:
    """Sends requests by aiohttp. Must be created while an event loop runs."""

    def __init__(self) -> None:
        self._pooled = _session(pooled=True)
        self._fresh = _session(pooled=False)

    async def send(
        self, request: UpstreamRequest, *, connect_timeout: float, write_timeout: float = 30.0
    ) -> AiohttpResponse:
        """Send ``request`` and wait for the head of the answer.

        A pooled connection that dies before any byte of the answer had most likely been closed by
        its peer long before: the request is sent once more on a new one.

        Raises:
            TransportError: no head arrived.
        """
        try:
            return await _sent(self._pooled, request, connect_timeout)
        except TransportError as error:
            if not error.reused or error.reason not in ("reset", "eof"):
                raise
            before = error.sent
        try:
            return await _sent(self._fresh, request, connect_timeout)
        except TransportError as error:
            # What the first connection took may have been acted upon, whatever the second did.
            error.sent = _EXTENTS[max(map(_EXTENTS.index, (before, error.sent)))]
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pooled.close()
        await self._fresh.close()


class AiohttpResponse:
    """An answer whose head has arrived."""

    def __init__(self, response: aiohttp.ClientResponse, progress: _Progress) -> None:
        self.status = response.status
        self._response = response
        self._progress = progress
        # Without a connection the whole body is there already.
        connection = response.connection
        protocol = connection.protocol if connection is not None else None
        self._lost = protocol.closed if protocol is not None else None
        if self._lost is not None:
            self._lost.add_done_callback(self._wake)

    @property
    def headers(self) -> Mapping[str, str]:
        """The response headers; names compare without case."""
        return self._response.headers

    async def read_some(self) -> bytes:
        """Wait for the next bytes of the body; b"" at its end."""
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            # RuntimeError: the connection was lost, and `_wake` has not run yet.
            raise _failure(error, self._progress) from None

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
        return b"".join(chunks)

    def close(self) -> None:
        """Keep the connection if the body was read to its end, else abort it."""
        if self._lost is not None:
            self._lost.remove_done_callback(self._wake)
            # Later users of the connection ask for this future again; somebody has to look at it.
            self._lost.remove_done_callback(_look_at)
            self._lost.add_done_callback(_look_at)
            self._lost = None
        # aiohttp has released it by itself when the end was parsed; this closes what is left.
        self._response.close()

    def _wake(self, lost: asyncio.Future[None]) -> None:
        """Let a reader know that nothing more comes: after broken framing aiohttp forgets it."""
        _look_at(lost)
        body = self._response.content
        if not body.is_eof() and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError())


def _look_at(lost: asyncio.Future[None]) -> None:
    """Take notice of how a connection ended, which is told elsewhere."""
    lost.exception()


async def _sent(
    session: aiohttp.ClientSession, request: UpstreamRequest, connect_timeout: float
) -> AiohttpResponse:
    body = request.body
    progress = _Progress()
    _progress.set(progress)
    try:
        response = await session.request(
            request.method,
            request.url,
            headers=request.headers,
            data=io.BytesIO(body) if len(body) > _IN_ONE_PIECE else body or None,
            allow_redirects=False,
            timeout=_timeout(connect_timeout),
        )
    except (aiohttp.ClientError, OSError) as error:
        raise _failure(error, progress) from None
    return AiohttpResponse(response, progress)


@functools.cache
def _timeout(connect: float) -> aiohttp.ClientTimeout:
    # `sock_connect` would leave out the name lookup.
    return aiohttp.ClientTimeout(total=None, connect=connect)


#: What went wrong, by aiohttp's classes; the first that fits counts.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ServerTimeoutError, "timeout"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorError, "connect"),
    (aiohttp.ServerDisconnectedError, "eof"),
    (aiohttp.ClientPayloadError, "eof"),
    (aiohttp.ClientOSError, "reset"),
    (OSError, "reset"),
    (RuntimeError, "eof"),
)


def _failure(error: BaseException, progress: _Progress) -> TransportError:
    reason = next((word for kind, word in _REASONS if isinstance(error, kind)), "protocol")
    if isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str):
        reason = "protocol"  # aiohttp holds half a head: an answer had begun
    # Only the class is named: texts of errors may hold addresses and what was sent.
    return TransportError(
        type(error).__name__, reason=reason, sent=progress.sent, reused=progress.reused
    )


def _session(*, pooled: bool) -> aiohttp.ClientSession:
    keeping: dict[str, Any] = (
        {"keepalive_timeout": _KEEP_ALIVE} if pooled else {"force_close": True}
    )
    return aiohttp.ClientSession(
        connector=_Connector(**keeping),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        read_bufsize=_READ_BUFFER,
        max_line_size=_MAX_HEAD_LINE,
        max_field_size=_MAX_HEAD_LINE,
        trust_env=False,
        auto_decompress=False,
    )


def _socket(address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    """Make a socket that notices when its peer has vanished."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES.items():
        option = getattr(socket, name, None)
        if option is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
