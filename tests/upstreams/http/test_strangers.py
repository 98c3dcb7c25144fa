"""No call gets a byte of another's answer, whatever its peer does and whoever gives up when.

`make fuzz` asks for 20,000 answers on each event loop.
"""

import asyncio
import os
import random
from contextlib import aclosing, closing

import pytest

from factories.raw_server import serving
from isthmus.upstreams.http.transport import HttpTransport
from isthmus.upstreams.transport import TransportError, UpstreamRequest

pytestmark = [pytest.mark.anyio, pytest.mark.hypothesis]
CALLS = 20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 2_000
AT_ONCE = 200
FAULTS = ("cut", "reset", "extra", "garbage", "silence", "delay")


class Faulty:
    """Answers with the path of the request, three calls in four as it should."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    async def converse(self, reader, writer):
        while True:
            mark = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
            fault = self._random.choice(FAULTS) if self._random.random() < 0.25 else ""
            pieces = self._answer(mark * 3)
            if not await self._say(fault, pieces, reader, writer):
                return

    def _answer(self, body: bytes) -> list[bytes]:
        """Return an answer in pieces, framed in one of two ways."""
        if self._random.random() < 0.5:
            head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
            return [head, body[:5], body[5:]]
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        return [head, b"%x\r\n%s\r\n" % (len(body), body), b"0\r\n\r\n"]

    async def _say(self, fault: str, pieces: list[bytes], reader, writer) -> bool:
        """Say whether the connection can serve another request."""
        if fault == "silence":
            await reader.read()
            return False
        if fault == "garbage":
            pieces[0] = b"HTTP/1.1 \0garbage"  # elsewhere it may pass for a body
        if fault == "extra":
            pieces = [b"".join([*pieces, *self._answer(b"/foreign")])]
        if fault in ("cut", "reset"):
            del pieces[self._random.randrange(3) :]
        for piece in pieces:
            if fault == "delay":
                await asyncio.sleep(self._random.random() / 100)
            if writer.is_closing():
                return False
            writer.write(piece)
            await asyncio.sleep(0)
        if fault == "reset":
            writer.transport.abort()
        return fault not in ("cut", "reset", "garbage")


class Callers:
    """Ask for marks of their own, give up at random, and keep count."""

    def __init__(self, transport: HttpTransport, url: str, seed: int) -> None:
        self.right = self.failed = self.left = 0
        self.foreign: list[bytes] = []
        self._transport = transport
        self._url = url
        self._random = random.Random(seed)
        self._asked = 0

    async def ask_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._ask_on())

    async def _ask_on(self) -> None:
        while self._asked < CALLS:
            self._asked += 1
            await self._ask(self._asked)

    async def _ask(self, number: int) -> None:
        patience = self._random.choice([0.0, 0.001, 0.003, 0.01, 40, 40, 40, 40])
        request = UpstreamRequest(method="POST", url=f"{self._url}/{number}", headers={})
        try:
            async with asyncio.timeout(patience * self._random.random()):
                response = await self._transport.send(request, connect_timeout=5)
                with closing(response):
                    self._judge(number, await response.read_all(1000))
        except TransportError:
            self.failed += 1
        except TimeoutError:
            self.left += 1

    def _judge(self, number: int, body: bytes) -> None:
        if body == b"/%d" % number * 3:
            self.right += 1
        else:
            self.foreign.append(body)


async def test_no_call_gets_a_byte_of_another_and_no_connection_is_left_over():
    async with serving(Faulty(1).converse) as server:
        async with aclosing(HttpTransport()) as transport:
            callers = Callers(transport, f"http://127.0.0.1:{server.port}", 2)
            await callers.ask_all()
            assert len(transport._open) == sum(map(len, transport._idle.values()))
        async with asyncio.timeout(1):
            await server.alone.wait()
    assert callers.foreign == []
    assert callers.right > CALLS / 10
    assert callers.failed > CALLS / 50
    assert callers.left > CALLS / 50
