"""A client and an upstream on both sides of the gateway, in its own process and in lockstep.

The upstream goes on only when the client has got what was sent before. What one read brings is
thereby the same in every run, however slow the run is; and the gateway is measured as it is
served, from socket to socket, whatever it looks like inside.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

from documents import MARK

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\nrequest-id: req_011CQ8bench\r\n"
    b"anthropic-organization-id: 5f3c\r\nvia: 1.1 google\r\nserver: cloudflare\r\n%s\r\n\r\n"
)
_LENGTH = re.compile(rb"content-length: (\d+)\r\n", re.IGNORECASE)
_END = b"0\r\n\r\n"


def whole(document: object) -> list[bytes]:
    """Return the upstream's writes of an answer in one piece."""
    body = json.dumps(document).encode()
    return [_HEAD % (b"application/json", b"content-length: %d" % len(body)) + body]


def streamed(reads: Sequence[Iterable[dict[str, Any]]]) -> list[bytes]:
    """Return the upstream's writes of a stream: the events that each read shall bring."""
    # Many reads bring the same events: what writing them down takes is none of the gateway's.
    told: dict[int, bytes] = {}
    for events in reads:
        if id(events) not in told:
            told[id(events)] = b"".join(map(_chunk, events))
    writes = [told[id(events)] for events in reads]
    writes[0] = _HEAD % (b"text/event-stream", b"transfer-encoding: chunked") + writes[0]
    writes[-1] += _END
    return writes


def _chunk(event: dict[str, Any]) -> bytes:
    frame = f"event: {event['type']}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(frame), frame)


class Upstream(asyncio.Protocol):
    """Answers by a script. The gateway's pool has one connection to it, for calls come in turn."""

    def __init__(self) -> None:
        self._script: list[bytes] = []
        self._asked = b""
        self._transport: asyncio.Transport | None = None

    def will(self, writes: list[bytes]) -> None:
        """Take the writes of the next answer; the first goes out when it is asked."""
        self._script = writes[::-1]

    def go_on(self) -> None:
        """Write what is next."""
        if self._transport is not None and self._script:
            self._transport.write(self._script.pop())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin anew on this connection."""
        self._transport, self._asked = cast("asyncio.Transport", transport), b""

    def data_received(self, data: bytes) -> None:
        """Answer when the request is complete."""
        self._asked += data
        if _complete(self._asked):
            self._asked = b""
            self.go_on()


class Client(asyncio.Protocol):
    """Asks one thing after the other on one connection, and drives the upstream on."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._transport: asyncio.Transport | None = None
        self._got = b""
        self._marks: list[int] = []
        self._ended: asyncio.Future[bytes] | None = None

    async def ask(self, request: bytes, writes: list[bytes]) -> bytes:
        """Send a request that the upstream answers with ``writes``; return the end of the answer.

        Raises:
            ConnectionError: the gateway broke off.
        """
        self._upstream.will(writes)
        self._got = b""
        self._marks = [count for write in writes if (count := write.count(MARK))][::-1]
        self._ended = asyncio.get_running_loop().create_future()
        assert self._transport is not None
        self._transport.write(request)
        return await self._ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for an answer."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(
                exc or ConnectionResetError(f"the gateway broke off: {self._got}")
            )

    def data_received(self, data: bytes) -> None:
        """Have the upstream go on when all that it sent has come."""
        self._got += data
        if self._marks:
            if self._got.count(MARK) < self._marks[-1]:
                return
            self._marks.pop()
            self._got = b""
            self._upstream.go_on()
        elif _complete(self._got) and self._ended is not None:
            self._ended.set_result(self._got)


def _complete(message: bytes) -> bool:
    """Say whether these bytes end an HTTP message, or the chunked body of one."""
    head, found, body = message.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n") if found else None
    return message.endswith(_END) if length is None else len(body) == int(length[1])
