"""Whoever gives up a call closes its connection at once, whatever it was doing."""

import asyncio
import select
import socket
import time
from contextlib import ExitStack, aclosing, closing
from pathlib import Path
from typing import NamedTuple

import pytest

from factories.watching_peer import WatchingPeer
from isthmus.config.proxy import Proxy
from isthmus.upstreams.http.transport import HttpTransport
from isthmus.upstreams.transport import UpstreamRequest

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(select, "POLLRDHUP"), reason="an end cannot be watched for"),
]
#: How soon the peer has to know, in seconds. The best of so many tries: others use the machine.
AT_ONCE, TRIES = 0.01, 5
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"


class Phase(NamedTuple):
    """What a call waits for: the first thing that a peer does not do."""

    scheme: str = "http"
    answer: bytes = b""
    proxied: bool = False
    body: bytes = b""
    trusted: bool = False


PHASES = {
    "proxy": Phase(proxied=True),
    "proxy, before TLS": Phase("https", proxied=True),
    "TLS": Phase("https"),
    "TLS in a tunnel": Phase("https", b"HTTP/1.1 200 OK\r\n\r\n", proxied=True),
    "writing": Phase(body=bytes(1 << 26)),
    "writing, in TLS": Phase("https", b"-", body=bytes(1 << 26), trusted=True),
    "head": Phase(),
    "half a head": Phase(answer=HEAD[:20]),
    "reading": Phase(answer=HEAD + b"12345"),
    "reading, in TLS": Phase("https", HEAD + b"12345", trusted=True),
}


async def call(transport: HttpTransport, url: str, body: bytes) -> None:
    request = UpstreamRequest(method="POST", url=url, headers={}, body=body)
    response = await transport.send(request, connect_timeout=5)
    with closing(response):
        await response.read_all(100)


async def given_up(phase: Phase, authority) -> float:
    """Give a call up in one phase; return after how many seconds its peer knew."""
    tls = authority.context("localhost") if phase.trusted else None
    with WatchingPeer(phase.answer.strip(b"-"), tls) as peer:
        proxy = Proxy("127.0.0.1", peer.port) if phase.proxied else None
        async with aclosing(HttpTransport(proxy)) as transport, asyncio.TaskGroup() as group:
            url = f"{phase.scheme}://localhost:{peer.port}/"
            calling = group.create_task(call(transport, url, phase.body))
            assert await asyncio.to_thread(peer.ready.wait, 5)
            began = time.monotonic()
            calling.cancel()
            assert await asyncio.to_thread(peer.ended.wait, 5)
    return peer.ended_at - began


@pytest.mark.parametrize("name", PHASES)
async def test_peer_of_a_cancelled_call_knows_at_once(trusted, name):
    took = []
    while not took or (min(took) > AT_ONCE and len(took) < TRIES):
        took.append(await given_up(PHASES[name], trusted))
    assert 0 < min(took) <= AT_ONCE


async def cancelled(calling: asyncio.Task) -> float:
    began = time.monotonic()
    calling.cancel()
    await asyncio.wait([calling])
    return time.monotonic() - began


def sockets() -> int:
    return len([*Path("/dev/fd").iterdir()])


async def test_call_that_still_connects_leaves_no_socket():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as filling:
        for _ in range(4):
            waiting = filling.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        async with aclosing(HttpTransport()) as transport, asyncio.TaskGroup() as group:
            before = sockets()
            url = f"http://127.0.0.1:{full.getsockname()[1]}/"
            calling = group.create_task(call(transport, url, b""))
            while sockets() == before:  # noqa: ASYNC110 - no system call tells of itself
                await asyncio.sleep(0)
            assert await cancelled(calling) <= AT_ONCE * TRIES
            assert sockets() == before


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # whose lookups can be replaced
async def test_call_that_still_looks_a_name_up_ends_at_once(monkeypatch):
    looking = asyncio.Event()

    async def look_up(*_, **__):
        looking.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    async with aclosing(HttpTransport()) as transport, asyncio.TaskGroup() as group:
        calling = group.create_task(call(transport, "http://slow.example/", b""))
        await looking.wait()
        assert await cancelled(calling) <= AT_ONCE * TRIES
    monkeypatch.undo()
