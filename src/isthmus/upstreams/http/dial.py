"""Making connections: name lookup, TCP by whichever address answers first, TLS.

Owns the socket's options and the trust in certificates. Nothing here has sent a byte of a request.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl

from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType]

from isthmus.upstreams.http.connection import Connection
from isthmus.upstreams.http.origin import Origin
from isthmus.upstreams.transport import TransportError

#: RFC 8305: how long one address may keep the next from being tried.
_HAPPY_EYEBALLS_DELAY = 0.25
#: A peer that vanished is noticed after a minute (tcp(7)); not every system has all of these.
_PROBES = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


async def dial(origin: Origin, seconds: float) -> Connection:
    """Connect to ``origin`` within so many seconds, TLS included.

    Raises:
        TransportError: that failed; nothing was sent.
    """
    reason = "connect"
    try:
        async with asyncio.timeout(seconds):
            connected = await _connected(origin)
            if origin.secure:
                reason = "tls"
            return await _spoken_to(origin, connected)
    except TimeoutError as error:
        # A TimeoutError of the system's own is a failure to connect like others.
        if error.errno is None:
            reason = "timeout"
        raise _failure(error, reason) from None
    except (OSError, UnicodeError) as error:
        raise _failure(error, reason) from None


async def _connected(origin: Origin) -> socket.socket:
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    connected = await start_connection(
        addresses, happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY, interleave=1
    )
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES.items():
        option = getattr(socket, name, None)
        if option is not None:
            connected.setsockopt(socket.IPPROTO_TCP, option, value)
    return connected


async def _spoken_to(origin: Origin, connected: socket.socket) -> Connection:
    """Put a connection on top of a socket, which is closed if that fails."""
    context = _context() if origin.secure else None
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection,
        sock=connected,
        ssl=context,
        server_hostname=origin.host if context is not None else None,
    )
    return connection


@functools.cache
def _context() -> ssl.SSLContext:
    """Trust whom the system trusts; reading all its certificates takes a while, so once."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _failure(error: Exception, reason: str) -> TransportError:
    # Only the class is named: texts of errors hold addresses.
    return TransportError(type(error).__name__, reason=reason, sent="nothing")
