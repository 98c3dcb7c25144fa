"""Neither side drowns the other: who does not take holds back, and early answers are heard."""

import asyncio
from contextlib import aclosing, closing

import pytest

from factories.raw_server import serving
from isthmus.upstreams.http.transport import HttpResponse, HttpTransport
from isthmus.upstreams.transport import TransportError, UpstreamRequest

pytestmark = pytest.mark.anyio
LARGE = bytes(1 << 26)
EARLY = b"HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nlarge"
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(params=["http", "https"])
def scheme(request):
    return request.param


@pytest.fixture
def tls(scheme, trusted):
    """What a server needs for the scheme."""
    return trusted.context("localhost") if scheme == "https" else None


async def send(transport: HttpTransport, url: str, body: bytes, write_timeout: float = 5):
    request = UpstreamRequest(method="POST", url=url, headers={}, body=body)
    async with asyncio.timeout(10):
        return await transport.send(request, connect_timeout=5, write_timeout=write_timeout)


async def body_of(response: HttpResponse) -> bytes:
    with closing(response):
        return await response.read_all(100)


async def ask_twice(scheme, tls, converse) -> tuple[list[tuple[int, bytes]], int]:
    """Send a large request and a small one; return the answers and how many connections it took."""
    connections, answers = [], []

    async def count(reader, writer):
        connections.append(writer)
        await converse(reader, writer)

    async with serving(count, tls) as server, aclosing(HttpTransport()) as transport:
        for body in (LARGE, b"{}"):
            response = await send(transport, f"{scheme}://localhost:{server.port}/", body)
            answers.append((response.status, await body_of(response)))
    return answers, len(connections)


async def test_early_answer_is_heard_and_its_connection_not_used_again(scheme, tls):
    async def refuse(reader, writer):
        await reader.read(1)
        writer.write(EARLY)
        await writer.drain()
        await asyncio.Event().wait()

    answers, connections = await ask_twice(scheme, tls, refuse)
    assert answers == [(413, b"large")] * 2
    assert connections == 2


async def test_peer_that_takes_the_rest_after_an_early_answer_is_not_asked_again(scheme, tls):
    async def refuse_and_take(reader, writer):
        size = int((await reader.readuntil(b"\r\n\r\n")).split()[-1])
        writer.write(EARLY[:-1])
        while size > 0 and (piece := await reader.read(1 << 20)):
            size -= len(piece)
        writer.write(EARLY[-1:])
        await reader.read()

    answers, connections = await ask_twice(scheme, tls, refuse_and_take)
    assert answers == [(413, b"large")] * 2
    assert connections == 2


async def test_early_answer_of_a_peer_that_leaves_at_once_is_heard(scheme, tls):
    async def refuse_and_leave(reader, writer):
        await reader.read(1)
        writer.write(EARLY)

    answers, _ = await ask_twice(scheme, tls, refuse_and_leave)
    assert answers == [(413, b"large")] * 2


async def test_early_answer_may_take_longer_than_the_request(scheme, tls):
    async def answer_slowly(reader, writer):
        await reader.read(1)
        writer.write(EARLY[:-1])
        await asyncio.sleep(0.3)
        writer.write(EARLY[-1:])
        await asyncio.Event().wait()

    async with serving(answer_slowly, tls) as server, aclosing(HttpTransport()) as transport:
        response = await send(transport, f"{scheme}://localhost:{server.port}/", LARGE, 0.1)
        assert await body_of(response) == b"large"


async def test_request_that_is_not_taken_in_time_is_known_to_be_sent_in_part(scheme, tls):
    async def take_nothing(reader, writer):
        writer.transport.pause_reading()
        await asyncio.Event().wait()

    async with serving(take_nothing, tls) as server, aclosing(HttpTransport()) as transport:
        with pytest.raises(TransportError) as caught:
            await send(transport, f"{scheme}://localhost:{server.port}/", LARGE, 0.2)
    assert (caught.value.reason, caught.value.sent) == ("timeout", "some")


async def test_large_request_arrives_as_it_is(scheme, tls):
    large = bytes(range(256)) * 8192
    arrived = bytearray()

    async def take(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        while len(arrived) < len(large):
            arrived.extend(await reader.read(1 << 16))
        writer.write(OK + b"content-length: 0\r\n\r\n")
        await reader.read()

    async with serving(take, tls) as server, aclosing(HttpTransport()) as transport:
        response = await send(transport, f"{scheme}://localhost:{server.port}/", large)
        await body_of(response)
    assert arrived == large


class Fountain:
    """Writes ``LARGE``, and notes when nobody takes it."""

    def __init__(self) -> None:
        self.written = 0
        self.stopped = asyncio.Event()

    async def pour(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"content-length: %d\r\n\r\n" % len(LARGE))
        while self.written < len(LARGE):
            writer.write(LARGE[: 1 << 16])
            self.written += 1 << 16
            try:
                await asyncio.wait_for(writer.drain(), 0.3)
            except TimeoutError:
                self.stopped.set()
                await writer.drain()


async def test_answer_that_nobody_reads_stops_its_peer(scheme, tls):
    fountain = Fountain()
    async with serving(fountain.pour, tls) as server, aclosing(HttpTransport()) as transport:
        response = await send(transport, f"{scheme}://localhost:{server.port}/", b"")
        await asyncio.wait_for(fountain.stopped.wait(), 10)
        assert fountain.written < len(LARGE) / 2
        with closing(response):
            assert len(await response.read_all(len(LARGE))) == len(LARGE)
