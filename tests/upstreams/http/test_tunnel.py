"""Through a proxy by CONNECT; a proxy that refuses proves that nothing was sent."""

import asyncio
import socket
import time

import pytest

from factories.fake_proxy import OK, FakeProxy, proxying
from factories.raw_server import serving
from isthmus.config.proxy import Proxy, proxy
from isthmus.config.settings import Secret
from isthmus.upstreams.http.transport import HttpTransport
from isthmus.upstreams.transport import TransportError, UpstreamRequest

pytestmark = pytest.mark.anyio
PASSWORD = "correct-horse-battery"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
REFUSALS = {
    "wants a password": b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 1\r\n\r\nx",
    "cannot connect": b"HTTP/1.0 502 Bad Gateway\r\n\r\n<html>",
    "redirects": b"HTTP/1.1 302 Found\r\nlocation: http://x/\r\n\r\n",
    "greets": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "garbage": b"SSH-2.0-OpenSSH_9.2\r\n",
    "odd version": b"HTTP/2.0 200 OK\r\n\r\n",
    "odd status": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "no end of its head": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 4000,
    "leaves": b"",
}


def through(at: FakeProxy, login: str = "") -> Proxy:
    return proxy(Secret(f"http://{login}127.0.0.1:{at.server.port}", "env:PROXY"))


async def echo_heads(reader, writer):
    """Answer each request with its head."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(head), head))


async def ask(transport: HttpTransport, url: str, timeout: float = 5) -> str:
    request = UpstreamRequest(method="POST", url=url, headers={"x-api-key": "k"})
    response = await transport.send(request, connect_timeout=timeout)
    try:
        return (await response.read_all(10_000)).decode()
    finally:
        response.close()


async def refused(at: Proxy, url: str = "http://origin.invalid/", timeout: float = 5):
    transport = HttpTransport(at)
    with pytest.raises(TransportError) as caught:
        await ask(transport, url, timeout)
    await transport.aclose()
    assert (caught.value.reason, caught.value.sent) == ("proxy", "nothing")
    return caught.value


async def test_http_goes_through_a_tunnel_that_is_kept_for_the_next_request():
    async with serving(echo_heads) as origin, proxying() as fake:
        transport = HttpTransport(through(fake))
        for _ in range(2):
            told = await ask(transport, f"http://origin.invalid:{origin.port}/a")
            assert told.startswith(f"POST /a HTTP/1.1\r\nhost: origin.invalid:{origin.port}\r\n")
        await transport.aclose()
    to = f"origin.invalid:{origin.port}"
    assert fake.heads == [f"CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n"]


async def test_tls_is_spoken_with_the_origin_and_its_name_is_checked(trusted):
    context = trusted.context("origin.invalid")
    async with serving(echo_heads, context) as origin, proxying() as fake:
        transport = HttpTransport(through(fake))
        assert "x-api-key: k" in await ask(transport, f"https://origin.invalid:{origin.port}/")
        with pytest.raises(TransportError) as caught:
            await ask(transport, f"https://other.invalid:{origin.port}/")
        await transport.aclose()
    assert (caught.value.reason, caught.value.sent) == ("tls", "nothing")
    assert len(fake.heads) == 2


async def test_password_is_told_to_the_proxy_and_to_nobody_else():
    async with serving(echo_heads) as origin, proxying() as fake:
        transport = HttpTransport(through(fake, "me:p%40ss@"))
        told = await ask(transport, f"http://origin.invalid:{origin.port}/")
        await transport.aclose()
    assert "\r\nproxy-authorization: Basic bWU6cEBzcw==\r\n" in fake.heads[0]
    assert "proxy-authorization" not in told


async def test_address_of_ipv6_keeps_its_brackets():
    async with proxying(REFUSALS["cannot connect"]) as fake:
        await refused(through(fake), "https://[::1]/")
    assert fake.heads[0].startswith("CONNECT [::1]:443 HTTP/1.1\r\nhost: [::1]:443\r\n")


@pytest.mark.parametrize("name", REFUSALS)
async def test_proxy_that_refuses_proves_that_nothing_was_sent(name):
    async with proxying(REFUSALS[name]) as fake:
        error = await refused(through(fake, f"me:{PASSWORD}@"))
    assert "proxy" in str(error)
    assert PASSWORD not in f"{error!r}{error.__cause__!r}{error.__context__!r}"


async def test_bytes_that_the_proxy_adds_are_not_taken_for_an_answer():
    async def silent(reader, writer):
        await reader.read()

    async with serving(silent) as origin, proxying(OK + ANSWER) as fake:
        transport = HttpTransport(through(fake))
        with pytest.raises(TransportError):
            await asyncio.wait_for(ask(transport, f"http://origin.invalid:{origin.port}/"), 1)
        await transport.aclose()


async def test_proxy_that_is_silent_is_left_when_the_time_to_connect_is_over():
    async with proxying(b"HTTP/1.1 2") as fake:
        started = time.monotonic()
        error = await refused(through(fake), timeout=0.2)
        assert time.monotonic() - started < 1
        await asyncio.wait_for(fake.server.alone.wait(), 1)
    assert str(error) == "TimeoutError"


async def test_proxy_that_is_not_there_is_what_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    await refused(Proxy("127.0.0.1", port))
    await refused(Proxy("nothing.invalid", 3128))


async def test_origin_is_never_reached_in_another_way():
    reached = []

    async def note(reader, writer):
        reached.append(writer)

    async with serving(note) as origin, proxying(REFUSALS["cannot connect"]) as fake:
        await refused(through(fake), f"http://127.0.0.1:{origin.port}/")
    assert reached == []


async def test_answer_of_the_proxy_may_come_in_single_bytes():
    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for byte in b"HTTP/1.0 200 OK\r\nvia: 1.0 proxy\r\n\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        await echo_heads(reader, writer)

    async with serving(drip) as server:
        transport = HttpTransport(Proxy("127.0.0.1", server.port))
        told = await ask(transport, "http://origin.invalid/")
        await transport.aclose()
    assert told.startswith("POST / HTTP/1.1\r\nhost: origin.invalid\r\n")
