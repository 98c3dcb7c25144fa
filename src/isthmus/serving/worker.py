"""A worker's side of its supervisor: says how it is, and does as it is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from isthmus.serving import control
from isthmus.serving.control import Messages, Patience

_COUNT_EVERY = 1.0


class Orders(asyncio.Protocol):
    """The channel to the supervisor. ``leave`` is called with how much time is left.

    ``count`` returns what this worker has counted. A supervisor that is gone leaves nobody to
    restart or stop this worker, so it leaves as well.
    """

    def __init__(
        self,
        leave: Callable[[Patience], None],
        count: Callable[[], bytes],
        when_orphaned: Patience,
    ) -> None:
        self._leave = leave
        self._count = count
        self._when_orphaned = when_orphaned
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say that requests are taken, and how it goes from now on."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(control.message(control.READY))
        self._tell_counts()

    def data_received(self, data: bytes) -> None:
        """Take orders."""
        for kind, payload in self._messages.feed(data):
            if kind == control.LEAVE:
                self._leave(control.patience(payload))
            elif kind == control.COUNT:
                self._say(control.COUNTED, self._count())

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave: the supervisor has died."""
        if self._transport is not None:
            self._transport = None
            self._leave(self._when_orphaned)

    def draining(self) -> None:
        """Say that this worker is on its way out, whoever wanted it."""
        self._say(control.DRAINING)

    def close(self) -> None:
        """Say the last counts."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.write(control.message(control.COUNTED, self._count()))
            transport.close()

    def _tell_counts(self) -> None:
        if self._transport is not None:
            self._say(control.COUNTED, self._count())
            asyncio.get_running_loop().call_later(_COUNT_EVERY, self._tell_counts)

    def _say(self, kind: bytes, payload: bytes = b"") -> None:
        if self._transport is not None:
            self._transport.write(control.message(kind, payload))


def greeting(channel: socket.socket) -> bytes:
    """Wait for what the supervisor has to say first.

    Raises:
        EOFError: it says nothing.
    """
    messages = Messages()
    while True:
        # One byte at a time: what comes behind it belongs to others.
        data = channel.recv(1)
        if not data:
            raise EOFError("the supervisor is gone")
        for kind, payload in messages.feed(data):
            if kind == control.GREETING:
                return payload
