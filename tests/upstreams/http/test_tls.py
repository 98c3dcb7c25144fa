"""TLS: whoever cannot be trusted gets nothing, and an end that nobody vouches for is none."""

import os
import socket
import ssl

import pytest

from factories.authority import Authority
from factories.raw_server import serving
from isthmus.upstreams.http.transport import HttpTransport
from isthmus.upstreams.transport import TransportError, UpstreamRequest

pytestmark = pytest.mark.anyio
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def transport():
    made = HttpTransport()
    yield made
    await made.aclose()


async def ask(transport: HttpTransport, port: int) -> bytes:
    request = UpstreamRequest(method="GET", url=f"https://localhost:{port}/", headers={})
    response = await transport.send(request, connect_timeout=5)
    try:
        return await response.read_all(1000)
    finally:
        response.close()


async def answer_all(reader, writer):
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"content-length: 2\r\n\r\nhi")


async def test_certificate_of_a_trusted_authority_makes_a_connection_that_is_kept(
    trusted, transport
):
    connections = []

    async def note(reader, writer):
        connections.append(writer.get_extra_info("ssl_object").version())
        await answer_all(reader, writer)

    async with serving(note, trusted.context("localhost")) as server:
        assert [await ask(transport, server.port) for _ in range(3)] == [b"hi"] * 3
    assert connections == ["TLSv1.3"]


@pytest.mark.parametrize("wrong", ["authority", "name", "time"])
async def test_certificate_that_proves_nothing_gets_nothing(trusted, transport, wrong):
    contexts = {
        "authority": Authority().context("localhost"),
        "name": trusted.context("other.example"),
        "time": trusted.context("localhost", expired=True),
    }
    asked = []

    async def note(reader, writer):
        asked.append(await reader.read())

    async with serving(note, contexts[wrong]) as server:
        with pytest.raises(TransportError) as caught:
            await ask(transport, server.port)
    assert (caught.value.reason, caught.value.sent) == ("tls", "nothing")
    assert caught.value.reused is False
    assert asked in ([], [b""])


async def test_peer_that_leaves_in_the_handshake_gets_nothing(transport):
    async def leave(reader, writer):
        await reader.read(1)

    async with serving(leave) as server:
        with pytest.raises(TransportError) as caught:
            await ask(transport, server.port)
    assert (caught.value.reason, caught.value.sent) == ("tls", "nothing")


async def test_peer_that_knows_only_old_versions_gets_nothing(trusted, transport):
    context = trusted.context("localhost")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(answer_all, context) as server:
        with pytest.raises(TransportError) as caught:
            await ask(transport, server.port)
    assert (caught.value.reason, caught.value.sent) == ("tls", "nothing")


async def test_body_without_length_ends_with_the_peers_own_word(trusted, transport):
    async def answer_and_close(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"\r\nhello")

    async with serving(answer_and_close, trusted.context("localhost")) as server:
        assert await ask(transport, server.port) == b"hello"


@pytest.mark.parametrize("rest", [b"\r\nhello", b"content-length: 9\r\n\r\nhello"])
async def test_end_of_tcp_alone_is_no_end_of_a_body(trusted, transport, rest):
    async def answer_and_cut(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + rest)
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as below:
            below.shutdown(socket.SHUT_WR)
        await reader.read()

    async with serving(answer_and_cut, trusted.context("localhost")) as server:
        with pytest.raises(TransportError) as caught:
            await ask(transport, server.port)
    assert (caught.value.reason, caught.value.sent) == ("eof", "all")
