"""HTTP/1.1 on the client's side: uvicorn's protocol, and what it leaves out.

Adds what `serving.connection` describes, deadlines for whatever a client may keep waiting for, and
refuses requests that a careful server must not take: missing or several ``Host`` headers, oversized
or too many headers, targets that are no path (RFC 9110 section 7.2, RFC 9112 sections 3.2 and 5).
Trailers are dropped and offers to upgrade are ignored.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from isthmus.serving import refusal
from isthmus.serving.connection import EXTENSION
from isthmus.serving.crowd import Crowd
from isthmus.serving.deadline import Deadline
from isthmus.serving.limits import Limits
from isthmus.serving.server_connection import ServerConnection

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
#: A body may take its time for so many seconds; from then on it has to come at this rate, in bytes
#: per second, counted from its beginning.
_BODY_GRACE = 5.0
_BODY_RATE = 16 * 1024
#: How long a connection without a request is kept when the server ends. Seconds.
_LAST_CALL = 0.5
#: How long a client of HTTP/1.0 gets to read before its connection is reset.
_RESET_DELAY = 0.2


#: What is under way on a connection: nothing, the head of a request, its body.
_BETWEEN, _HEAD, _BODY = 0, 1, 2


class _Refused(Exception):
    """Stops the parser; the protocol knows why."""


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
    """One client connection. ``crowd`` counts it among the others of its server."""

    def __init__(self, *args: Any, limits: Limits, crowd: Crowd, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._crowd = crowd
        self._deadline = Deadline(self.loop, self._expired)
        self._phase = self._watched = _BETWEEN
        self._body_bytes = 0
        self._body_began = 0.0
        self._stall = Deadline(self.loop, self._stalled)
        self._unsent = 0
        self._live: deque[ServerConnection] = deque()
        self._header_bytes = 0
        self._head_read = False
        self._parts = 0
        self._unfinished = 0
        self._refusal = refusal.MALFORMED
        self._discarded: int | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, if there is room."""
        super().connection_made(transport)
        if not self._crowd.enter(self):
            self._discarded = 0
            self.transport.write(refusal.CROWDED.words(self.server_state.default_headers))
            self.transport.close()
            return
        self._watched = _HEAD
        self._deadline.set(self._limits.header)

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
                self._refuse(refusal.LARGE_HEADERS)
        except (httptools.HttpParserError, _Refused):
            self._turn_away()
            return
        # A request that came as a whole, as most do, is never watched.
        if self._phase != self._watched:
            self._watch()

    def _watch(self) -> None:
        """Wait for the rest of a head, or of a body, for so long."""
        self._watched = self._phase
        if self._phase == _HEAD:
            self._deadline.set(self._limits.header)
        elif self._phase == _BODY:
            self._body_began = self.loop.time()
            self._deadline.set(min(_BODY_GRACE, self._limits.body))
        else:
            self._deadline.clear()

    def _expired(self) -> None:
        """End what has kept the server waiting for too long."""
        if self.transport.is_closing():
            return
        if any(not (one.ended or one.arriving) for one in self._live):
            self._deadline.set(self._limits.header)  # an answer is under way: it comes first
            return
        if self._phase == _BETWEEN:
            # It has said nothing, or nothing more; unless it has meanwhile, and waits for us.
            if all(connection.ended for connection in self._live):
                self.close()
        elif self._phase == _HEAD:
            self._refusal = refusal.SLOW_HEAD
            self._turn_away()
        else:
            self._body_expired()

    def _body_expired(self) -> None:
        elapsed = self.loop.time() - self._body_began
        left = self._limits.body - elapsed
        if left > 0 and self._body_bytes >= _BODY_RATE * elapsed:
            self._deadline.set(min(left, _BODY_GRACE))
        elif self.cycle.response_complete:
            self.close()
        else:
            self._refusal = refusal.SLOW_BODY
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
        self._phase = _HEAD
        self._parts += 1
        self._header_bytes = 0
        self._head_read = False

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            self._refuse(refusal.LONG_TARGET)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header, unless it is a trailer: nobody would have checked it."""
        if self._head_read:
            return
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES or len(self.headers) > MAX_HEADERS:
            self._refuse(refusal.LARGE_HEADERS)

    def on_headers_complete(self) -> None:
        """Start the application, with the connection in its scope."""
        self._parts += 1
        version = self.parser.get_http_version()
        self._check_head(version)
        if self.parser.should_upgrade():
            return  # `_parse` begins again
        self._head_read = True
        self._phase = _BODY
        self._body_bytes = 0
        self._crowd.busy(self)
        super().on_headers_complete()
        if not self._crowd.keeps:
            self.cycle.keep_alive = False
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
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the request."""
        self._parts += 1
        self._phase = _BETWEEN
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def eof_received(self) -> None:
        """Take it that the client has left: who closes one direction gets no answer either.

        The transport closes itself after this, once it has sent what is left to send.
        """
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request of this connection that its client has left."""
        self._crowd.leave(self)
        self._deadline.close()
        self._stall.close()
        super().connection_lost(exc)
        self._leave()
        self._live.clear()

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for one."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._give_up_later()
        elif all(connection.ended for connection in self._live):
            self._crowd.idle(self)

    def shutdown(self) -> None:
        """Take no further request once this one is answered, or the next: it may be on its way."""
        if any(not connection.ended for connection in self._live):
            self.cycle.keep_alive = False
        elif self._phase == _BETWEEN:
            self._unset_keepalive_if_required()
            self._deadline.set(_LAST_CALL)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that nobody uses."""
        self.close()

    def dismiss(self) -> None:
        """Close a connection on which nothing is under way, in favour of another."""
        self.close()

    def close(self) -> None:
        """Close, once the client has taken what is left to send, or has had the time to."""
        if not self.transport.is_closing():
            self.transport.close()
        self._give_up_later()

    def _give_up_later(self) -> None:
        if self.transport.get_write_buffer_size():
            self._watch_client()

    def pause_writing(self) -> None:
        """Note that the client takes no more for now; not for ever."""
        super().pause_writing()
        self._watch_client()

    def resume_writing(self) -> None:
        """Note that the client takes more."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._stall.clear()

    def _watch_client(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._stall.set(self._limits.client_stall)

    def _stalled(self) -> None:
        """Look whether the client has taken anything; if not, it is gone for us."""
        unsent = self.transport.get_write_buffer_size()
        if 0 < unsent < self._unsent:
            self._watch_client()
        elif unsent:
            self.break_off()

    @property
    def unsent(self) -> int:
        """How many bytes wait for the client."""
        return self.transport.get_write_buffer_size()

    def break_off(self) -> None:
        """End it at once, with whatever is under way."""
        self._leave()
        self.transport.abort()

    def _check_head(self, version: str) -> None:
        if version not in ("1.0", "1.1"):
            self._refuse(refusal.MALFORMED)
        if not self.url.startswith(b"/") or self.parser.get_method() == b"CONNECT":
            self._refuse(refusal.NO_PATH)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refuse(refusal.HOSTS)

    def _refuse(self, why: refusal.Refusal) -> None:
        self._refusal = why
        raise _Refused

    def _turn_away(self) -> None:
        """Read no further, and say why unless that would land in the middle of an answer."""
        in_between = all(connection.arriving for connection in self._live if not connection.ended)
        self._leave()
        self._deadline.close()
        if not in_between:
            self.close()
            return
        self.transport.write(self._refusal.words(self.server_state.default_headers))
        # Closing while the client still sends would reset the connection, and the answer might be
        # lost with it (RFC 9112 section 9.6).
        self._discarded = 0
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER, self.close)

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
