"""Making connections: name lookup, TCP by whichever address answers first, a proxy's tunnel, TLS.

Owns the socket's options and the trust in certificates. Nothing here has sent a byte of a request.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from contextlib import ExitStack

from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType]

from isthmus.config.proxy import Proxy
from isthmus.upstreams.http.connection import Connection
from isthmus.upstreams.http.names import Names
from isthmus.upstreams.http.origin import Origin
from isthmus.upstreams.http.tunnel import tunnel
from isthmus.upstreams.transport import TransportError

#: RFC 8305: how long one address may keep the next from being tried.
_HAPPY_EYEBALLS_DELAY = 0.25
#: A peer that vanished is noticed after a minute (tcp(7)); not every system has all of these.
_PROBES = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class Dialer:
    """Connects to any origin; with a ``proxy``, never in any other way than through it."""

    def __init__(self, proxy: Proxy | None = None) -> None:
        self._proxy = proxy
        self._names = Names()

    async def dial(self, origin: Origin, seconds: float) -> Connection:
        """Connect to ``origin`` within so many seconds, tunnel and TLS included.

        Raises:
            TransportError: that failed; nothing was sent.
        """
        reason = "connect" if self._proxy is None else "proxy"
        try:
            async with asyncio.timeout(seconds):
                connected = await self._connected(origin)
                if origin.secure:
                    reason = "tls"
                elif self._proxy is not None:
                    reason = "connect"
                return await _spoken_to(origin, connected)
        except TimeoutError as error:
            # A TimeoutError of the system's own is a failure to connect like others.
            if error.errno is None and reason != "proxy":
                reason = "timeout"
            raise _failure(error, reason) from None
        except (OSError, UnicodeError) as error:
            raise _failure(error, reason) from None

    async def _connected(self, origin: Origin) -> socket.socket:
        """Return a socket on which ``origin`` is at the other end."""
        if self._proxy is None:
            return await self._socket(origin.host, origin.port)
        connected = await self._socket(self._proxy.host, self._proxy.port)
        with ExitStack() as failed:
            failed.callback(connected.close)
            await tunnel(connected, self._proxy, origin)
            failed.pop_all()
        return connected

    async def _socket(self, host: str, port: int) -> socket.socket:
        connected = await start_connection(
            await self._names.addresses(host, port),
            happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY,
            interleave=1,
        )
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _PROBES.items():
            option = getattr(socket, name, None)
            if option is not None:
                connected.setsockopt(socket.IPPROTO_TCP, option, value)
        return connected


async def _spoken_to(origin: Origin, connected: socket.socket) -> Connection:
    """Put a connection on top of a socket, which is closed if that fails."""
    context = trust() if origin.secure else None
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection,
        sock=connected,
        ssl=context,
        server_hostname=origin.host if context is not None else None,
    )
    if not connection.reusable:
        connection.abort()
        raise TransportError(
            "the peer spoke or left before it was asked", reason="connect", sent="nothing"
        )
    return connection


@functools.cache
def trust() -> ssl.SSLContext:
    """Trust whom the system trusts; reading all its certificates takes a while, so once."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _failure(error: Exception, reason: str) -> TransportError:
    # Only the class is named: texts of errors hold addresses.
    return TransportError(type(error).__name__, reason=reason, sent="nothing")
