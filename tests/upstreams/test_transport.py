"""A transport tells what happened on the wire, and how much of the request had left.

The same is asked of aiohttp, behind the same interface: where the two differ, one is wrong.
"""

import asyncio
import contextlib
import socket
import threading
import time

import pytest

from factories import fake_upstream as fake
from factories.aiohttp_transport import AiohttpTransport
from factories.fake_upstream import CLOSE, PAUSE, RESET, STALL, FakeUpstream, whole
from isthmus.upstreams.http.origin import address
from isthmus.upstreams.http.transport import HttpTransport
from isthmus.upstreams.transport import Transport, TransportError, UpstreamRequest

pytestmark = pytest.mark.anyio
HEADERS = {"anthropic-version": "2026-10-21", "x-api-key": "sk-upstream"}


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture(params=[HttpTransport, AiohttpTransport])
async def transport(request):
    made = request.param()
    yield made
    await made.aclose()


@pytest.fixture
def upstream():
    with FakeUpstream() as started:
        yield started


def to(url: str) -> UpstreamRequest:
    return UpstreamRequest(method="POST", url=f"{url}/v1/messages", headers=HEADERS, body=b"{}")


async def failed(transport: Transport, url: str, timeout: float = 5) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await transport.send(to(url), connect_timeout=timeout)
    return caught.value


def port_of(server: asyncio.Server) -> int:
    return server.sockets[0].getsockname()[1]


async def read(transport: Transport, url: str) -> bytes:
    response = await transport.send(to(url), connect_timeout=5)
    try:
        return await response.read_all(100)
    finally:
        response.close()


async def test_refused_connection_proves_that_nothing_was_sent(transport):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = await failed(transport, f"http://127.0.0.1:{port}")
    assert (error.reason, error.sent) == ("connect", "nothing")


async def test_name_that_does_not_exist_proves_that_nothing_was_sent(transport):
    error = await failed(transport, "http://nothing.invalid")
    assert (error.reason, error.sent) == ("connect", "nothing")


async def test_connect_timeout_is_kept(transport):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        started = time.monotonic()
        error = await failed(transport, f"http://127.0.0.1:{full.getsockname()[1]}", 0.3)
        for each in waiting:
            each.close()
    assert (error.reason, error.sent) == ("timeout", "nothing")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # uvloop asks the system by itself
async def test_name_lookup_counts_as_connecting(transport, monkeypatch):
    found = threading.Event()

    def look_up(*_, **__):
        found.wait(5)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    error = await failed(transport, "http://slow.example", 0.1)
    found.set()
    assert (error.reason, error.sent) == ("timeout", "nothing")


async def test_port_that_speaks_no_tls_proves_that_nothing_was_sent(transport):
    async def refuse(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        error = await failed(transport, f"https://127.0.0.1:{port_of(server)}")
    assert (error.reason, error.sent) == ("tls", "nothing")


async def test_handshake_counts_as_connecting(transport, upstream):
    error = await failed(transport, upstream.url.replace("http:", "https:"), 0.3)
    assert (error.reason, error.sent) == ("timeout", "nothing")


@pytest.mark.parametrize("step", [RESET, CLOSE])
async def test_connection_lost_before_the_head_may_have_been_billed(transport, upstream, step):
    upstream.will([step])
    error = await failed(transport, upstream.url)
    assert error.reason in ("reset", "eof")
    assert (error.sent, error.reused) == ("all", False)


async def test_stale_connection_is_replaced_once_and_silently(transport, upstream):
    upstream.will([*whole({"n": 1}), CLOSE], whole({"n": 2}))
    for n in (1, 2):
        assert await read(transport, upstream.url) == b'{"n": %d}' % n
    assert len(upstream.requests) == 2


async def test_answer_that_had_begun_is_not_asked_for_again(transport, upstream):
    upstream.will(whole({}), [b"HTTP/1.1 200 OK\r\ncont", CLOSE])
    await read(transport, upstream.url)
    error = await failed(transport, upstream.url)
    assert (error.sent, error.reused) == ("all", True)
    assert len(upstream.requests) == 2


async def test_second_try_that_cannot_connect_does_not_unsay_the_first(transport):
    async def serve_once(reader, writer):
        for answer in (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""):
            await reader.readuntil(b"{}")
            writer.write(answer)
        server.close()
        writer.close()

    server = await asyncio.start_server(serve_once, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{port_of(server)}"
    await read(transport, url)
    error = await failed(transport, url)
    assert (error.reason, error.sent) == ("connect", "all")


async def test_connections_are_kept_for_the_next_request(transport, upstream):
    upstream.will(whole({}), whole({}))
    for _ in range(2):
        await read(transport, upstream.url)
    first, second = upstream.requests
    assert first.connection == second.connection


async def test_only_the_given_headers_are_sent(transport, upstream):
    upstream.will(whole({}))
    await read(transport, upstream.url)
    assert upstream.requests[0].headers.keys() == {*HEADERS, "host", "content-length"}


async def test_redirect_is_not_followed(transport, upstream):
    upstream.will(fake.error(302, "x", location="http://127.0.0.1:9/"))
    response = await transport.send(to(upstream.url), connect_timeout=5)
    assert response.status == 302
    response.close()


async def test_proxies_of_the_environment_are_not_used(transport, upstream, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    upstream.will(whole({}))
    response = await transport.send(to(upstream.url), connect_timeout=5)
    assert response.status == 200
    response.close()


@pytest.mark.parametrize(
    "script",
    [
        [fake.head(200, "x/y", content_length="10") + b"12345", CLOSE],
        [fake.head(200, "x/y", transfer_encoding="chunked"), fake.chunk(b"12345"), CLOSE],
        [fake.head(200, "x/y", transfer_encoding="chunked"), b"zz\r\n", STALL],
        [fake.head(200, "x/y", transfer_encoding="chunked"), PAUSE, b"zz\r\n", STALL],
        [fake.head(200, "x/y", transfer_encoding="chunked"), PAUSE, b"1\r\nabc\r\n", STALL],
    ],
)
async def test_body_cut_off_is_not_its_end(transport, upstream, script):
    upstream.will(script)
    with pytest.raises(TransportError):
        await read(transport, upstream.url)


async def test_body_larger_than_allowed_is_refused(transport, upstream):
    upstream.will(whole({"a": "x" * 1000}))
    with pytest.raises(TransportError):
        await read(transport, upstream.url)


async def test_cancelling_closes_the_connection_at_once(transport, upstream):
    upstream.will([STALL])
    sending = asyncio.get_running_loop().create_task(
        transport.send(to(upstream.url), connect_timeout=5)
    )
    (received,) = await asyncio.to_thread(upstream.wait_for, 1)
    started = time.monotonic()
    sending.cancel()
    assert await asyncio.to_thread(received.gone.wait, 5)
    assert time.monotonic() - started < 0.5
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_cancelling_ends_the_sending_of_a_large_body(transport):
    go_on, ended = asyncio.Event(), asyncio.Event()
    arrived = bytearray()

    async def read_late(reader, writer):
        await go_on.wait()
        with contextlib.suppress(ConnectionResetError):
            while chunk := await reader.read(1 << 20):
                arrived.extend(chunk)
        writer.close()
        ended.set()

    async with await asyncio.start_server(read_late, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{port_of(server)}"
        large = UpstreamRequest(method="POST", url=url, headers={}, body=bytes(1 << 26))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(transport.send(large, connect_timeout=5), 0.3)
        go_on.set()
        await asyncio.wait_for(ended.wait(), 5)
    assert len(arrived) < len(large.body)


async def test_closing_early_aborts_instead_of_reading_on(transport, upstream):
    upstream.will([fake.head(200, "x/y", transfer_encoding="chunked"), fake.chunk(b"1"), STALL])
    response = await transport.send(to(upstream.url), connect_timeout=5)
    assert await response.read_some() == b"1"
    response.close()
    assert await asyncio.to_thread(upstream.requests[0].gone.wait, 5)


async def test_request_that_its_upstream_did_not_take_whole_is_known_as_such():
    transport = HttpTransport()

    async def leave(reader, writer):
        await reader.read(1)
        writer.transport.abort()

    async with await asyncio.start_server(leave, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{port_of(server)}"
        large = UpstreamRequest(method="POST", url=url, headers={}, body=bytes(1 << 26))
        with pytest.raises(TransportError) as caught:
            await transport.send(large, connect_timeout=5)
    await transport.aclose()
    assert (caught.value.reason, caught.value.sent) == ("reset", "some")


@pytest.mark.parametrize(
    "answer",
    [
        fake.head(200, "x/y", content_length="2") + b"hi!",
        fake.head(200, "x/y", connection="close", content_length="2") + b"hi",
    ],
)
async def test_connection_that_must_not_be_used_again_is_not(upstream, answer):
    transport = HttpTransport()
    upstream.will([answer], whole({}))
    assert await read(transport, upstream.url) == b"hi"
    await read(transport, upstream.url)
    await transport.aclose()
    first, second = upstream.requests
    assert first.connection != second.connection


async def test_header_that_would_break_out_of_its_line_is_never_written(upstream):
    transport = HttpTransport()
    request = UpstreamRequest(method="POST", url=upstream.url, headers={"a": "b\r\nc: d"})
    with pytest.raises(ValueError, match="line break"):
        await transport.send(request, connect_timeout=5)
    assert upstream.requests == []


async def echo(reader, writer):
    """Answer each request with its path, after a moment that depends on it."""
    with contextlib.suppress(ConnectionError):
        while line := await reader.readline():
            mark = line.split()[1]
            await reader.readuntil(b"content-length: 0\r\n\r\n")
            await asyncio.sleep(int(mark[1:]) % 7 / 1000)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(mark) + mark)
    writer.close()


async def test_no_call_gets_the_answer_of_another():
    transport = HttpTransport()

    foreign = []

    async def call(url, number):
        request = UpstreamRequest(method="GET", url=f"{url}/{number}", headers={})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.003 if number % 3 == 0 else 30):
                response = await transport.send(request, connect_timeout=5)
                with contextlib.closing(response):
                    if await response.read_all(100) != b"/%d" % number:
                        foreign.append(number)

    async with await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1000) as server:
        url = f"http://127.0.0.1:{port_of(server)}"
        for begin in range(0, 2000, 100):
            async with asyncio.TaskGroup() as group:
                for number in range(begin, begin + 100):
                    group.create_task(call(url, number))
        await transport.aclose()
    assert foreign == []


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://api.anthropic.com/v1/messages", "api.anthropic.com", "/v1/messages"),
        ("http://localhost:8080?a=b", "localhost:8080", "/?a=b"),
        ("http://[::1]:80/x", "[::1]", "/x"),
        ("https://b\u00fccher.example/", "xn--bcher-kva.example", "/"),
    ],
)
def test_urls_are_taken_apart(url, host, target):
    assert address(url)[1:] == (host, target)


@pytest.mark.parametrize(
    "url", ["ftp://a/", "http:///x", "//a/b", "http://a/x y", "http://a/\u00fc"]
)
def test_urls_that_cannot_be_asked_for_are_refused(url):
    with pytest.raises(ValueError, match=r"URL|quoted"):
        address(url)
