"""Connections that are a burden: many that are idle, and some that say a byte now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_GREETING = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"
_NEVER_ENDING = b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx-slow: "
#: Seconds between two bytes of a connection that never finishes its head.
_BYTE = 2.0
#: Idle connections made at once: a listener has only so much patience.
_AT_ONCE = 100
#: Seconds in which all slow ones come, and between two turns of them.
_FILLING, _TURN = 5.0, 0.05


class _Idle(asyncio.Protocol):
    """Asks once, so that it is a client like others, then says nothing."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(_GREETING)  # type: ignore[attr-defined]

    def connection_lost(self, error: Exception | None) -> None:
        self._ended()


class _Loris(asyncio.Protocol):
    """Begins a head and never ends it."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._transport.write(_NEVER_ENDING)
        self._drip()

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._ended()

    def _drip(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"x")
            self._timer = asyncio.get_running_loop().call_later(_BYTE, self._drip)


class Burden:
    """Opens so many of both kinds. A slow one that is closed comes again, as an attacker would.

    ``open`` and ``closed`` count by kind: that a gateway closes them is its good right.
    """

    def __init__(self, port: int, idle: int, loris: int) -> None:
        self._port = port
        self._idle, self._loris = idle, loris
        self.open = {"idle": 0, "loris": 0}
        self.closed = {"idle": 0, "loris": 0}
        self.refused = 0
        self._transports: set[asyncio.Transport] = set()
        self._ending = False

    async def fill(self) -> None:
        """Open all: the idle ones as fast as they are taken, the slow ones at a pace."""
        for begun in range(0, self._idle, _AT_ONCE):
            await self._open("idle", min(_AT_ONCE, self._idle - begun))
        while self.open["loris"] < self._loris:
            await self._advance()

    async def hold(self) -> None:
        """Open slow ones again, until cancelled."""
        while True:
            await self._advance()

    def close(self) -> None:
        """Close all of them."""
        self._ending = True
        for transport in list(self._transports):
            transport.abort()

    async def _advance(self) -> None:
        missing = self._loris - self.open["loris"]
        await self._open("loris", min(missing, max(1, round(self._loris * _TURN / _FILLING))))
        await asyncio.sleep(_TURN)

    async def _open(self, kind: str, count: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._connect(kind))

    async def _connect(self, kind: str) -> None:
        made = _Idle if kind == "idle" else _Loris
        loop = asyncio.get_running_loop()
        self.open[kind] += 1

        def ended() -> None:
            self.open[kind] -= 1
            self.closed[kind] += not self._ending
            self._transports.discard(transport)

        try:
            transport, _ = await loop.create_connection(
                lambda: made(ended), "127.0.0.1", self._port
            )
        except OSError:
            self.open[kind] -= 1
            self.refused += 1
        else:
            self._transports.add(transport)
