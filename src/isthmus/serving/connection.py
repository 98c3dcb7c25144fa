"""What an endpoint needs to know and do about the connection its answer goes out on.

`server_connection` is our server's, `asgi` the one for servers that speak ASGI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol


class ClientGone(Exception):
    """The client left before its request was complete: nobody is there to be answered."""


class Connection(Protocol):
    """The connection of one request. Header lines are bytes, each with its line's end."""

    @property
    def disconnected(self) -> bool:
        """Whether the client has left before its answer was complete."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether more is waiting to be sent than the connection holds."""
        ...

    @property
    def client(self) -> str:
        """The address of the client; empty where it is not known."""
        ...

    def on_disconnect(self, callback: Callable[[], object], /) -> None:
        """Call ``callback`` when the client leaves; at once if it already has."""
        ...

    async def receive(self) -> bytes:
        """Wait for bytes of the request's body and return all that are there; b"" at its end.

        Raises:
            ClientGone: the client left before that.
        """
        ...

    async def answer(self, status: int, lines: bytes, body: bytes, /) -> None:
        """Send a whole answer; ``lines`` tell its length."""
        ...

    async def start(self, status: int, lines: bytes, /) -> None:
        """Begin an answer. What is sent next goes out with its head."""
        ...

    def send(self, data: bytes, /) -> Awaitable[None]:
        """Send bytes of the body. Returns when the client can take more."""
        ...

    async def finish(self, data: bytes, /) -> None:
        """Send the last bytes, and end the answer as complete."""
        ...

    def abort(self) -> None:
        """End the answer uncleanly once all that was written has been sent."""
        ...
