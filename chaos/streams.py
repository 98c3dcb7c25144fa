"""Many streams at once, each counted to its end as cheaply as can be, and a prober of the door."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from gateway import KEY
from paced import TICK
from question import request

_TICK = TICK.encode()
_KEPT = 400
#: Seconds between two connections of the prober.
_PROBE = 0.02


class Stream(asyncio.Protocol):
    """One stream on a connection of its own. ``outcome``: empty while it runs."""

    def __init__(self, asked: bytes, events: int) -> None:
        self.outcome = ""
        self.over = asyncio.get_running_loop().create_future()
        self._asked = asked
        self._events = events
        self._ticks = 0
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._asked)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        # A tick may be in two pieces: the bytes that could be its beginning are counted again.
        carried = self._tail[-(len(_TICK) - 1) :] + data
        self._ticks += carried.count(_TICK)
        self._tail = (self._tail + data)[-_KEPT:]

    def connection_lost(self, error: Exception | None) -> None:
        self.outcome = self._judged(error)
        self.over.set_result(None)

    def _judged(self, error: Exception | None) -> str:
        if error is not None:
            return f"{type(error).__name__} after {self._ticks} events"
        if b'data: {"error"' in self._tail:
            return f"error in the stream after {self._ticks} events"
        ended = b"data: [DONE]" in self._tail and self._tail.endswith(b"\r\n0\r\n\r\n")
        if not ended:
            return f"cut after {self._ticks} events"
        return "complete" if self._ticks == self._events else f"only {self._ticks} events"


async def streamed(port: int, count: int, events: int, ramp: float) -> Counter[str]:
    """Run so many streams, begun within ``ramp`` seconds; count how they ended."""
    document = {
        "model": "first-a",
        "max_tokens": 8000,
        "stream": True,
        "messages": [{"role": "user", "content": "Count."}],
    }
    asked = request(document, KEY, keep_alive=False)
    outcomes: Counter[str] = Counter()

    async def one(number: int) -> None:
        await asyncio.sleep(ramp * number / count)
        loop = asyncio.get_running_loop()
        try:
            _, stream = await loop.create_connection(
                lambda: Stream(asked, events), "127.0.0.1", port
            )
        except OSError as error:
            outcomes[f"not begun: {error.strerror}"] += 1
            return
        await stream.over
        outcomes[stream.outcome] += 1

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(number))
    return outcomes


async def probed(port: int, seconds: float) -> Counter[str]:
    """Connect again and again for so long; count what came of it."""
    outcomes: Counter[str] = Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            async with asyncio.timeout(1.0):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
        except TimeoutError:
            outcomes["not accepted in a second"] += 1
        except OSError as error:
            outcomes[f"refused: {error.strerror}"] += 1
        else:
            outcomes["accepted"] += 1
            writer.close()
        await asyncio.sleep(_PROBE)
    return outcomes
