"""The connection of one request, on our server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

if TYPE_CHECKING:
    from isthmus.serving.protocol import IsthmusProtocol


class ServerConnection:
    """The connection of one request, as `serving.connection.Connection` describes it."""

    def __init__(self, protocol: IsthmusProtocol, cycle: RequestResponseCycle) -> None:
        self.disconnected = False
        self._protocol = protocol
        self._cycle = cycle
        self._callback: Callable[[], object] | None = None

    @property
    def ended(self) -> bool:
        """Whether the answer is over, one way or another."""
        return self._cycle.response_complete

    @property
    def blocked(self) -> bool:
        """Whether more is waiting to be sent than the connection holds."""
        return self._protocol.flow.write_paused

    @property
    def arriving(self) -> bool:
        """Whether the request is not complete, and nothing of its answer has gone out."""
        return self._cycle.more_body and not self._cycle.response_started

    def on_disconnect(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` when the client leaves; at once if it already has."""
        self._callback = callback
        if self.disconnected:
            callback()

    def answer(self, status: int, headers: bytes, body: bytes) -> None:
        """Send a whole answer in one piece; ``headers`` are lines, each with its end.

        The server would check every header, which has been done, and write head and body apart.
        """
        cycle, protocol = self._cycle, self._protocol
        if self.disconnected or protocol.transport.is_closing():
            return
        lines = [STATUS_LINE[status]]
        lines += [b"%b: %b\r\n" % header for header in cycle.default_headers]
        lines.append(headers)
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        if cycle.scope["method"] != "HEAD":
            lines.append(body)
        protocol.transport.write(b"".join(lines))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            protocol.transport.close()
        cycle.on_response()

    def abort(self) -> None:
        """End the answer uncleanly: no terminating chunk, or a reset where that means nothing."""
        # Marked as over, so that the server neither completes it nor complains.
        self._cycle.response_complete = True
        if self._cycle.scope["http_version"] == "1.0":
            self._protocol.reset_when_flushed()
        else:
            self._protocol.transport.close()

    def lost(self) -> None:
        """Note that the client has left."""
        if self.ended or self.disconnected:
            return
        self.disconnected = True
        self._cycle.disconnected = True
        if self._callback is not None:
            self._callback()
