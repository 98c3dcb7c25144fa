"""The one narrow interface to the network: send a request, get a head and chunks.

Owns the words for what can go wrong on a wire. Which of them may be tried elsewhere is decided in
``upstreams/failures.py`` and ``routing/``; timers above a single read belong to the exchange.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Literal, Protocol

from msgspec import Struct

Sent = Literal["nothing", "some", "all", "unknown"]


class UpstreamRequest(Struct, frozen=True, kw_only=True):
    """One HTTP request to an upstream. ``headers`` are all that is sent beside the framing."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


class TransportError(Exception):
    """The exchange of bytes failed before or during an answer.

    ``sent`` says how much of the request had left, ``reused`` whether the connection had served an
    earlier request (such a one may have been closed by the peer at any time). ``reason`` is a short
    word for logs: connect, proxy, tls, timeout, reset, eof, protocol.
    """

    def __init__(self, message: str, *, reason: str, sent: Sent, reused: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.sent: Sent = sent
        self.reused = reused


class UpstreamResponse(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The response headers, names in lower case."""
        ...

    def read_some(self) -> Awaitable[bytes]:
        """Wait for the next bytes of the body and return all that are at hand; b"" at its end.

        Raises:
            TransportError: the body was cut off before its framed end.
        """
        ...

    async def read_all(self, limit: int) -> bytes:
        """Read the whole body.

        Raises:
            TransportError: cut off before its framed end, or larger than ``limit`` bytes.
        """
        ...

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else abort it. Idempotent."""
        ...


class Transport(Protocol):
    """Sends requests. Cancelling any of its coroutines closes the connection at once."""

    async def send(
        self, request: UpstreamRequest, *, connect_timeout: float, write_timeout: float = 30.0
    ) -> UpstreamResponse:
        """Send ``request`` and wait for the head of the answer. Redirects are not followed.

        ``connect_timeout`` covers name lookup, TCP, a proxy and TLS only, ``write_timeout`` the
        time until the peer has taken all of the request; both in seconds.

        Raises:
            TransportError: no head arrived.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
