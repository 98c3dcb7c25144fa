"""HTTP/1.1 on the client's side: uvicorn's protocol, and what it leaves out.

Adds what `serving.connection` describes, and refuses requests that a careful server must not take:
missing or several ``Host`` headers, oversized or too many headers, targets that are no path
(RFC 9110 section 7.2, RFC 9112 sections 3.2 and 5). Trailers are dropped and offers to upgrade are
ignored. Deadlines for headers and bodies are not kept here.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from isthmus.errors import InvalidRequest
from isthmus.serving.connection import EXTENSION
from isthmus.serving.request_id import new_request_id
from isthmus.wire import json
from isthmus.wire.chat import errors as chat_errors

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

MAX_HEADER_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_TARGET = 8 * 1024
#: What may arrive in a row without a part of a message being complete. The parser keeps an
#: unfinished header, or trailer, however long it gets.
_MAX_UNFINISHED = MAX_HEADER_BYTES + MAX_TARGET
#: Requests that a client may have waiting before it is no longer read from. uvicorn stops at the
#: first, which hides whether the client has left.
_MAX_AHEAD = 64
#: What a client still sends after a refusal is taken in and forgotten: so many bytes, or seconds.
_MAX_DISCARDED = 1024 * 1024
_LINGER = 1.0
#: How long a client of HTTP/1.0 gets to read before its connection is reset.
_RESET_DELAY = 0.2


class _Refusal(NamedTuple):
    status: int
    code: str
    message: str


_MALFORMED = _Refusal(400, "invalid_http", "This is not a valid HTTP/1.1 request.")
_LONG_TARGET = _Refusal(414, "uri_too_long", "The request target is too long.")
_LARGE_HEADERS = _Refusal(431, "headers_too_large", "The request headers are too large.")
_NO_PATH = _Refusal(400, "invalid_target", "The request target must be a path.")
_HOSTS = _Refusal(400, "invalid_host", "The request must have exactly one Host header.")


class _Refused(Exception):
    """Stops the parser; the protocol knows why."""


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


class _Unframed:
    """Sends to a client of HTTP/1.0, which knows no chunks; uvicorn would send some.

    Without a length the answer ends where the connection does (RFC 9112 section 6.3).
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._send = cycle.send
        self._has_length = True

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            names = [name.lower() for name, _ in message.get("headers", ())]
            self._has_length = b"content-length" in names
            if not self._has_length:
                self._cycle.chunked_encoding = False
        elif message["type"] == "http.response.body" and not self._has_length:
            # So that whatever comes is what was expected.
            self._cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)


class IsthmusProtocol(HttpToolsProtocol):
    """One client connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._live: deque[ServerConnection] = deque()
        self._header_bytes = 0
        self._head_read = False
        self._parts = 0
        self._unfinished = 0
        self._refusal = _MALFORMED
        self._discarded: int | None = None

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        self._unset_keepalive_if_required()
        if self._discarded is not None:
            self._discarded += len(data)
            if self._discarded > _MAX_DISCARDED:
                self.transport.close()
            return
        parts, rest = self._parts, data
        try:
            while rest:
                rest = self._parse(rest)
            self._unfinished = self._unfinished + len(data) if parts == self._parts else 0
            if self._unfinished > _MAX_UNFINISHED:
                self._refuse(_LARGE_HEADERS)
        except (httptools.HttpParserError, _Refused):
            self._turn_away()

    def _parse(self, data: bytes) -> bytes:
        """Parse; return what has to be parsed once more."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            # A server may ignore that another protocol is offered (RFC 9110 section 7.8), but the
            # parser does not read the body of such a request: begin again without the offer.
            # Java's own client makes one ("h2c") with whatever it asks first.
            line = (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
            head = [b"%b %b HTTP/%b\r\n" % line]
            head += [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            return b"".join([*head, b"\r\n", data[stopped.args[0] :]])
        return b""

    def on_message_begin(self) -> None:
        """Start counting what the headers take."""
        super().on_message_begin()
        self._parts += 1
        self._header_bytes = 0
        self._head_read = False

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            self._refuse(_LONG_TARGET)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header, unless it is a trailer: nobody would have checked it."""
        if self._head_read:
            return
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES or len(self.headers) > MAX_HEADERS:
            self._refuse(_LARGE_HEADERS)

    def on_headers_complete(self) -> None:
        """Start the application, with the connection in its scope."""
        self._parts += 1
        version = self.parser.get_http_version()
        self._check_head(version)
        if self.parser.should_upgrade():
            return  # `_parse` begins again
        self._head_read = True
        super().on_headers_complete()
        if version == "1.0":
            self.cycle.send = _Unframed(self.cycle).send
        if 0 < len(self.pipeline) <= _MAX_AHEAD:
            self.flow.resume_reading()
        connection = ServerConnection(self, self.cycle)
        while self._live and self._live[0].ended:
            self._live.popleft()
        self._live.append(connection)
        self.scope["extensions"] = {EXTENSION: connection}  # type: ignore[typeddict-item]

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._parts += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the request."""
        self._parts += 1
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def eof_received(self) -> None:
        """Take it that the client has left: who closes one direction gets no answer either.

        The transport closes itself after this, once it has sent what is left to send.
        """
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request of this connection that its client has left."""
        super().connection_lost(exc)
        self._leave()
        self._live.clear()

    def _check_head(self, version: str) -> None:
        if version not in ("1.0", "1.1"):
            self._refuse(_MALFORMED)
        if not self.url.startswith(b"/") or self.parser.get_method() == b"CONNECT":
            self._refuse(_NO_PATH)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refuse(_HOSTS)

    def _refuse(self, refusal: _Refusal) -> None:
        self._refusal = refusal
        raise _Refused

    def _turn_away(self) -> None:
        """Read no further, and say why unless that would land in the middle of an answer."""
        in_between = all(connection.arriving for connection in self._live if not connection.ended)
        self._leave()
        if not in_between:
            self.transport.close()
            return
        self.transport.write(self._words())
        # Closing while the client still sends would reset the connection, and the answer might be
        # lost with it (RFC 9112 section 9.6).
        self._discarded = 0
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER, self.transport.close)

    def _words(self) -> bytes:
        refusal = self._refusal
        error = InvalidRequest(refusal.message, status=refusal.status, code=refusal.code)
        body = json.encode(chat_errors.document(error))
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            (b"x-request-id", new_request_id().encode()),
        ]
        lines = [b"%b: %b\r\n" % header for header in headers]
        return b"".join([STATUS_LINE[refusal.status], *lines, b"\r\n", body])

    def _leave(self) -> None:
        for connection in self._live:
            connection.lost()

    def reset_when_flushed(self) -> None:
        """Reset the connection once its buffer is empty and the client had time to read."""
        transport, loop = self.transport, asyncio.get_running_loop()
        waited = loop.time()

        def reset() -> None:
            if transport.is_closing():
                return
            if transport.get_write_buffer_size() and loop.time() - waited < 60:
                loop.call_later(_RESET_DELAY, reset)
                return
            sock: socket.socket = transport.get_extra_info("socket")
            # Lingering for no time makes the close a reset (socket(7), SO_LINGER).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

        loop.call_later(_RESET_DELAY, reset)
