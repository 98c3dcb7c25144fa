"""HTTP/1.1 on the client's side: a connection, its requests in turn, and their deadlines.

httptools parses, strictly. What a careful server must not take is refused besides: missing or
several ``Host`` headers, oversized or too many headers, targets that are no path (RFC 9110 section
7.2, RFC 9112 sections 3.2 and 5). Trailers are dropped and offers to upgrade are ignored. A client
that closes its sending side has left.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from typing import cast
from urllib.parse import unquote

import httptools

from isthmus.serving import refusal
from isthmus.serving.crowd import Crowd
from isthmus.serving.date_line import DateLine
from isthmus.serving.deadline import Deadline
from isthmus.serving.limits import Limits
from isthmus.serving.request import Handler, Request
from isthmus.serving.server_connection import ServerConnection

log = logging.getLogger("isthmus")

MAX_HEADER_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_TARGET = 8 * 1024
#: What may arrive in a row without a part of a message being complete. The parser keeps an
#: unfinished header, or trailer, however long it gets.
_MAX_UNFINISHED = MAX_HEADER_BYTES + MAX_TARGET
#: Requests that a client may have waiting before it is no longer read from.
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
#: Bytes that wait for a client before whoever sends more has to wait as well.
_HIGH_WATER = 64 * 1024


#: What is under way on a connection: nothing, the head of a request, its body.
_BETWEEN, _HEAD, _BODY = 0, 1, 2


class _Refused(Exception):
    """Stops the parser; the protocol knows why."""


class Hall:
    """What all connections of one server share.

    ``date`` writes a header line for every answer; ``calls``: the tasks under way.
    """

    def __init__(self, handler: Handler, limits: Limits, crowd: Crowd) -> None:
        self.handler = handler
        self.limits = limits
        self.crowd = crowd
        self.date = DateLine()
        self.connections: set[IsthmusProtocol] = set()
        self.calls: set[asyncio.Task[None]] = set()


class IsthmusProtocol(asyncio.Protocol):
    """One client connection, in a hall with the others of its server."""

    transport: asyncio.Transport

    def __init__(self, hall: Hall) -> None:
        self.loop = asyncio.get_running_loop()
        self._hall = hall
        self.date = hall.date
        self._limits = hall.limits
        self._parser = _parser(self)
        self._deadline = Deadline(self.loop, self._expired)
        self._phase = self._watched = _BETWEEN
        #: Of the request that is being parsed.
        self._target = b""
        self._names: list[bytes] = []
        self._values: list[bytes] = []
        self._head_read = False
        self._body_bytes = 0
        self._body_began = 0.0
        #: The last request whose head has arrived, those that wait for their turn, and all whose
        #: answers are not over.
        self._arriving: ServerConnection | None = None
        self._waiting: deque[Request] = deque()
        self._live: deque[ServerConnection] = deque()
        self._stall = Deadline(self.loop, self._stalled)
        self._unsent = 0
        self._drained: asyncio.Future[None] | None = None
        self.blocked = False
        self._paused = False
        self._parts = 0
        self._unfinished = 0
        self._refusal = refusal.MALFORMED
        self._discarded: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, if there is room."""
        self.transport = cast("asyncio.Transport", transport)
        self._hall.connections.add(self)
        if not self._hall.crowd.enter(self):
            self._discarded = 0
            self.transport.write(refusal.CROWDED.words(self.date()))
            self.transport.close()
            return
        self.transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._watched = _HEAD
        self._deadline.set(self._limits.header)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
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
        elif self._arriving is None or self._arriving.ended:
            self.close()
        else:
            self._refusal = refusal.SLOW_BODY
            self._turn_away()

    def _parse(self, data: bytes) -> bytes:
        """Parse; return what has to be parsed once more."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            # A server may ignore that another protocol is offered (RFC 9110 section 7.8), but the
            # parser does not read the body of such a request: begin again without the offer.
            # Java's own client makes one ("h2c") with whatever it asks first.
            line = (self._parser.get_method(), self._target, self._parser.get_http_version())
            head = [b"%b %b HTTP/%b\r\n" % (*line[:2], line[2].encode())]
            pairs = zip(self._names, self._values, strict=True)
            head += [b"%b: %b\r\n" % pair for pair in pairs if pair[0].lower() != b"upgrade"]
            self._parser = _parser(self)
            return b"".join([*head, b"\r\n", data[stopped.args[0] :]])
        return b""

    def on_message_begin(self) -> None:
        """Begin with a request."""
        self._phase = _HEAD
        self._parts += 1
        self._target = b""
        self._names, self._values = [], []
        self._head_read = False

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._target += url
        if len(self._target) > MAX_TARGET:
            self._refuse(refusal.LONG_TARGET)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header, unless it is a trailer: nobody would have checked it."""
        if not self._head_read:
            self._names.append(name)
            self._values.append(value)

    def on_headers_complete(self) -> None:
        """Let the request be answered, or wait for its turn."""
        self._parts += 1
        parser = self._parser
        version = parser.get_http_version()
        headers = self._checked_headers(version)
        if parser.should_upgrade():
            return  # `_parse` begins again
        self._head_read = True
        self._phase = _BODY
        self._body_bytes = 0
        hall = self._hall
        hall.crowd.busy(self)
        method = parser.get_method().decode()
        is_old = version == "1.0"
        connection = self._arriving = ServerConnection(self, method=method, is_old=is_old)
        connection.keep_alive = not is_old and hall.crowd.keeps and parser.should_keep_alive()
        if headers.get("expect", "").lower() == "100-continue":
            connection.expect_continue()
        request = self._request(method, headers, connection)
        live = self._live
        while live and live[0].ended:
            live.popleft()
        live.append(connection)
        if len(live) == 1:
            self._begin(request)
        else:
            self._waiting.append(request)
            if len(self._waiting) > _MAX_AHEAD:
                self.pause_reading()

    def _checked_headers(self, version: str) -> dict[str, str]:
        """Return the headers by their names in lower case, if the head may be taken."""
        names, values = self._names, self._values
        if version not in ("1.0", "1.1"):
            self._refuse(refusal.MALFORMED)
        if not self._target.startswith(b"/") or self._parser.get_method() == b"CONNECT":
            self._refuse(refusal.NO_PATH)
        # All at once: no value can hold a null character.
        all_names, all_values = b"\0".join(names), b"\0".join(values)
        if len(names) > MAX_HEADERS or len(all_names) + len(all_values) > MAX_HEADER_BYTES:
            self._refuse(refusal.LARGE_HEADERS)
        told = all_names.decode("latin-1").lower().split("\0")
        hosts = told.count("host")
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refuse(refusal.HOSTS)
        return dict(zip(told, all_values.decode("latin-1").split("\0"), strict=True))

    def _request(
        self, method: str, headers: dict[str, str], connection: ServerConnection
    ) -> Request:
        target = self._target.partition(b"#")[0]
        path, _, query = target.partition(b"?")
        plain = path.decode("ascii")
        request = Request(method, unquote(plain) if "%" in plain else plain, headers, connection)
        request.query = query
        return request

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._parts += 1
        self._body_bytes += len(body)
        if self._arriving is not None:
            self._arriving.feed(body)

    def on_message_complete(self) -> None:
        """Take the end of the request."""
        self._parts += 1
        self._phase = _BETWEEN
        if self._arriving is not None and not self._parser.should_upgrade():
            self._arriving.feed_end()

    def _begin(self, request: Request) -> None:
        """Have a request answered."""
        task = self.loop.create_task(self._carry(request))
        self._hall.calls.add(task)

    async def _carry(self, request: Request) -> None:
        connection = cast("ServerConnection", request.connection)
        try:
            await self._hall.handler(request)
        finally:
            self._hall.calls.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if not (connection.ended or connection.disconnected):
                log.error("a request was left without the end of its answer")
                self.transport.close()

    def eof_received(self) -> None:
        """Take it that the client has left: who closes one direction gets no answer either.

        The transport closes itself after this, once it has sent what is left to send.
        """
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request of this connection that its client has left."""
        self._hall.connections.discard(self)
        self._hall.crowd.leave(self)
        self._deadline.close()
        self._stall.close()
        self._unblock()
        self._leave()
        # What is left holds nothing in a circle, so that it goes at once.
        self._live.clear()
        self._waiting.clear()
        self._arriving = None
        del self._parser

    def answered(self) -> None:
        """Go on with the next request, or wait for one."""
        if self.transport.is_closing():
            self._give_up_later()
            return
        if self._paused:
            self.resume_reading()
        if self._waiting:
            self._begin(self._waiting.popleft())
        else:
            self._hall.crowd.idle(self)
            if self._phase == _BETWEEN:
                self._watched = _BETWEEN
                self._deadline.set(self._limits.keep_alive)

    def pause_reading(self) -> None:
        """Read no more for now."""
        if not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if self._paused and len(self._waiting) <= _MAX_AHEAD and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    def shutdown(self) -> None:
        """Take no further request once this one is answered, or the next: it may be on its way."""
        under_way = [connection for connection in self._live if not connection.ended]
        if under_way:
            under_way[-1].keep_alive = False
        elif self._phase == _BETWEEN:
            self._deadline.set(_LAST_CALL)

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
        self.blocked = True
        self._watch_client()

    def resume_writing(self) -> None:
        """Note that the client takes more."""
        self._unblock()
        if not self.transport.is_closing():
            self._stall.clear()

    async def unblocked(self) -> None:
        """Wait until the client has taken enough, or is gone."""
        if self.blocked:
            self._drained = self._drained or self.loop.create_future()
            await asyncio.shield(self._drained)

    def _unblock(self) -> None:
        self.blocked = False
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set_result(None)

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
        self.transport.write(self._refusal.words(self.date()))
        # Closing while the client still sends would reset the connection, and the answer might be
        # lost with it (RFC 9112 section 9.6).
        self._discarded = 0
        self._waiting.clear()
        self.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER, self.close)

    def _leave(self) -> None:
        for connection in self._live:
            connection.lost()

    def reset_when_flushed(self) -> None:
        """Reset the connection once its buffer is empty and the client had time to read."""
        transport, loop = self.transport, self.loop
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


def _parser(protocol: IsthmusProtocol) -> httptools.HttpRequestParser:
    parser = httptools.HttpRequestParser(protocol)
    # What follows a request that asked for the end is no reason to leave it unanswered.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
