"""A Messages upstream that costs next to nothing. A process of its own.

    python paced.py PORT EVENTS MILLISECONDS

A request that asks for a stream gets so many events at that pace; others are answered at once. One
timer serves all streams, and all events are the same bytes.
"""

from __future__ import annotations

import asyncio
import resource
import sys

import uvloop

from marker import Wanted
from script import written

TICK = "tick "
_STREAMS = b'"stream":true'
_SHORT = Wanted((TICK,), None, 10, 1)


class Pace:
    """Sends one event to every stream in each interval."""

    def __init__(self, events: int, seconds: float) -> None:
        self.events = events
        wanted = Wanted((TICK,) * 3, None, 10, events)
        script = written(wanted, "msg_paced_0", stream=True, fault=None)
        #: The head, the frames around the events, and one event.
        self.opening, self.event, self.closing = _parted(b"".join(script.pieces), script.pieces[0])
        self._seconds = seconds
        self._left: dict[asyncio.Transport, int] = {}

    def begin(self, transport: asyncio.Transport) -> None:
        """Begin a stream."""
        transport.write(self.opening)
        self._left[transport] = self.events

    def forget(self, transport: asyncio.Transport) -> None:
        """Forget a stream whose client has left."""
        self._left.pop(transport, None)

    async def run(self) -> None:
        """Send what is due, until cancelled; what is late is sent at once."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += self._seconds
            await asyncio.sleep(max(0.0, due - loop.time()))
            for transport, left in list(self._left.items()):
                transport.write(self.event if left > 1 else self.event + self.closing)
                if left > 1:
                    self._left[transport] = left - 1
                else:
                    del self._left[transport]


class Connection(asyncio.Protocol):
    """One connection: requests that come in few pieces, one after another."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._received = b""
        self._answer = b"".join(written(_SHORT, "msg_paced_1", stream=False, fault=None).pieces)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._received = b""
        if _STREAMS in body.replace(b": ", b":"):
            self._pace.begin(self._transport)
        else:
            self._transport.write(self._answer)

    def connection_lost(self, error: Exception | None) -> None:
        self._pace.forget(self._transport)


def _parted(stream: bytes, head: bytes) -> tuple[bytes, bytes, bytes]:
    """Take a stream of three equal events apart: what comes before, one of them, what follows."""
    chunks = _chunks(stream[len(head) :])
    first = next(i for i, chunk in enumerate(chunks) if TICK.encode() in chunk)
    return head + b"".join(chunks[:first]), chunks[first], b"".join(chunks[first + 3 :])


def _chunks(body: bytes) -> list[bytes]:
    chunks: list[bytes] = []
    while body:
        size = int(body.split(b"\r\n", 1)[0], 16)
        end = body.index(b"\r\n") + 2 + size + 2
        chunks.append(body[:end])
        body = body[end:]
    return chunks


async def _serve(port: str, events: str, milliseconds: str) -> None:
    pace = Pace(int(events), int(milliseconds) / 1000)
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Connection(pace), "127.0.0.1", int(port), backlog=2048)
    print("listening", flush=True)
    await pace.run()


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(_serve(*sys.argv[1:]))
