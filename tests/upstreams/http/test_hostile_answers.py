"""What no peer should send: taken as HTTP/1.1 says, or refused; whole, and a byte at a time.

The same is asked of aiohttp. Where it is known to differ, the case says how.
"""

import asyncio
import itertools
from contextlib import aclosing, closing
from typing import NamedTuple

import pytest
from _pytest.mark.structures import ParameterSet

from factories.aiohttp_transport import AiohttpTransport
from factories.raw_server import serving
from isthmus.upstreams.http.transport import HttpTransport
from isthmus.upstreams.transport import Transport, TransportError, UpstreamRequest

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\n"
HI = b"content-length: 2\r\n\r\nhi"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
FLOOD = 1 << 20
CLOSE = b""


class Answer(NamedTuple):
    """``body`` is what it says, None: it says nothing; ``kept``: another request may follow."""

    data: bytes
    body: bytes | None = None
    kept: bool = False


ANSWERS = {
    # How long it is
    "two lengths": Answer(OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi!"),
    "one length twice": Answer(OK + b"content-length: 2\r\n" + HI),
    "list of lengths": Answer(OK + b"content-length: 2, 2\r\n\r\nhi"),
    "signed length": Answer(OK + b"content-length: +2\r\n\r\nhi"),
    "negative length": Answer(OK + b"content-length: -2\r\n\r\nhi"),
    "length without end": Answer(OK + b"content-length: " + b"9" * 30 + b"\r\n\r\nhi"),
    "length and chunks": Answer(OK + b"transfer-encoding: chunked\r\n" + HI),
    "chunks and length": Answer(
        OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n" + LAST
    ),
    "length of nothing": Answer(b"HTTP/1.1 204 No Content\r\n\r\n", b"", kept=True),
    # Chunks
    "upper case": Answer(OK + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nhi\r\n" + LAST, b"hi", True),
    "chunks twice": Answer(OK + b"transfer-encoding: chunked, chunked\r\n\r\n2\r\nhi\r\n" + LAST),
    "compressed chunks": Answer(OK + b"transfer-encoding: gzip, chunked\r\n\r\n" + LAST),
    "unknown coding": Answer(OK + b"transfer-encoding: xchunked\r\n\r\n2\r\nhi\r\n" + LAST),
    "size that is none": Answer(CHUNKED + b"zz\r\nhi\r\n" + LAST),
    "size in C": Answer(CHUNKED + b"0x2\r\nhi\r\n" + LAST),
    "signed size": Answer(CHUNKED + b"-2\r\nhi\r\n" + LAST),
    "size with a space": Answer(CHUNKED + b"2 \r\nhi\r\n" + LAST),
    "size over 64 bits": Answer(CHUNKED + b"1" + b"0" * 16 + b"\r\nhi\r\n" + LAST),
    "chunk too long": Answer(CHUNKED + b"1\r\nhi\r\n" + LAST),
    "chunk with bare line feeds": Answer(CHUNKED + b"2\nhi\n0\n\n"),
    "extension": Answer(CHUNKED + b'2;a=b;c="d"\r\nhi\r\n' + LAST, b"hi", kept=True),
    "flood of an extension": Answer(CHUNKED + b"2;" + b"a" * FLOOD + b"\r\nhi\r\n" + LAST),
    "trailers": Answer(CHUNKED + b"2\r\nhi\r\n0\r\nx-a: b\r\n\r\n", b"hi", kept=True),
    "trailer with a length": Answer(CHUNKED + b"2\r\nhi\r\n0\r\ncontent-length: 9\r\n\r\n"),
    "flood of trailers": Answer(CHUNKED + b"2\r\nhi\r\n0\r\n" + b"x: y\r\n" * (FLOOD // 6 + 1)),
    # Lines
    "bare line feeds": Answer(b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi"),
    "one bare line feed": Answer(OK + b"x: y\ncontent-length: 2\r\n\r\nhi"),
    "bare carriage return": Answer(OK + b"x: a\rb\r\n" + HI),
    "NUL in a value": Answer(OK + b"x: a\0b\r\n" + HI),
    "NUL in a name": Answer(OK + b"x\0: ab\r\n" + HI),
    "folded header": Answer(OK + b"x: a\r\n b\r\n" + HI),
    "space before a colon": Answer(OK + b"content-length : 2\r\n\r\nhi"),
    "header without a name": Answer(OK + b": y\r\n" + HI),
    "flood of one header": Answer(OK + b"x: " + b"y" * FLOOD + b"\r\n" + HI),
    "flood of headers": Answer(OK + b"".join(b"x-%d: y\r\n" % n for n in range(300)) + HI),
    # What begins it
    "greetings": Answer(b"HTTP/1.1 103 Hints\r\nx: y\r\n\r\n" * 3 + OK + HI, b"hi", kept=True),
    "greeting with a length": Answer(
        b"HTTP/1.1 100 Go on\r\ncontent-length: 2\r\n\r\n" + OK + HI, b"hi", kept=True
    ),
    "flood of greetings": Answer(b"HTTP/1.1 100 Continue\r\n\r\n" * (FLOOD // 25 + 1)),
    "other protocol": Answer(
        b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhi"
    ),
    "other protocol, quietly": Answer(b"HTTP/1.1 101 Switching\r\n\r\nhi"),
    "status below all": Answer(b"HTTP/1.1 099 What\r\n" + HI),
    "status of two digits": Answer(b"HTTP/1.1 20 OK\r\n" + HI),
    "no HTTP": Answer(b"220 mail.example ESMTP\r\n"),
    "status without a word": Answer(b"HTTP/1.1 200\r\n" + HI, b"hi", kept=True),
    # What ends it
    "204 with a body": Answer(b"HTTP/1.1 204 No Content\r\n" + HI, b""),
    "304 with a body": Answer(b"HTTP/1.1 304 Not Modified\r\n" + HI, b""),
    "one byte more": Answer(OK + HI + b"!", b"hi"),
    "second answer": Answer(OK + HI + OK + HI, b"hi"),
    "empty line more": Answer(OK + HI + b"\r\n", b"hi", kept=True),
    "close": Answer(OK + b"connection: close\r\n" + HI, b"hi"),
    "CLOSE": Answer(OK + b"Connection: Close\r\n" + HI, b"hi"),
    "HTTP/1.0": Answer(b"HTTP/1.0 200 OK\r\n" + HI, b"hi"),
    "HTTP/1.0 that goes on": Answer(
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n" + HI, b"hi", kept=True
    ),
    # What is none of a transport's business
    "compression nobody asked for": Answer(OK + b"content-encoding: gzip\r\n" + HI, b"hi", True),
    "redirect": Answer(b"HTTP/1.1 307 Away\r\nlocation: http://127.0.0.1:9/\r\n" + HI, b"hi", True),
    "cookie": Answer(OK + b"set-cookie: a=b\r\n" + HI, b"hi", kept=True),
}


#: What aiohttp is known to do instead.
DIFFERENCES = {
    "chunks twice": "looks at the last coding alone",
    "compressed chunks": "looks at the last coding alone, and does not say that there is another",
    "unknown coding": "waits for the end of the connection",
    "size with a space": "lets it pass",
    "flood of an extension": "has no limit for it",
    "bare line feeds": "lets them pass",
    "one bare line feed": "lets it pass",
    "folded header": "unfolds it",
    "space before a colon": "lets it pass",
    "flood of greetings": "waits for the answer after all of them",
    "other protocol": "gives the connection to its caller",
    "other protocol, quietly": "gives the connection to its caller",
    "status below all": "takes any three digits",
    "204 with a body": "refuses the answer for what follows it",
    "304 with a body": "refuses the answer for what follows it",
    "one byte more": "refuses the answer for what follows it",
}


@pytest.fixture
def anyio_backend():
    return "asyncio", {"use_uvloop": True}


def asked_of_both() -> list[ParameterSet]:
    """Ask everything of both transports, and expect of aiohttp to differ where it is known to."""
    asked = [pytest.param(HttpTransport, name, id=f"{name}-ours") for name in ANSWERS]
    for name in ANSWERS:
        why = DIFFERENCES.get(name, "")
        run = not why.startswith("waits")
        marks = [pytest.mark.xfail(reason=why, run=run, strict=True)] if why else []
        asked.append(pytest.param(AiohttpTransport, name, id=f"{name}-aiohttp", marks=marks))
    return asked


def pieces(data: bytes) -> list[bytes]:
    """Cut into single bytes, or into 500 pieces where that would take too long."""
    size = max(len(data) // 500, 1)
    return [data[at : at + size] for at in range(0, len(data), size)]


class Peer:
    """Answers every request by the next list of pieces, and counts its connections."""

    def __init__(self, *answers: list[bytes]) -> None:
        self.connections = 0
        self._answers = itertools.cycle(answers)

    async def converse(self, reader, writer):
        self.connections += 1
        while True:
            await reader.readuntil(b"\r\n\r\n")
            for piece in next(self._answers):
                if writer.is_closing() or piece is CLOSE:
                    return
                writer.write(piece)
                await asyncio.sleep(0)


async def told(transport: Transport, port: int) -> tuple[bytes | None, str]:
    """Ask, and return the body, or None and why there is none."""
    request = UpstreamRequest(method="POST", url=f"http://127.0.0.1:{port}/", headers={})
    try:
        async with asyncio.timeout(2):
            response = await transport.send(request, connect_timeout=2)
            with closing(response):
                return await response.read_all(1000), ""
    except TransportError as error:
        return None, error.reason


@pytest.mark.parametrize(("kind", "name"), asked_of_both())
async def test_answer_is_what_the_standard_says_or_nothing(kind, name):
    answer, outcomes = ANSWERS[name], []
    peer = Peer([answer.data])
    async with serving(peer.converse) as server, aclosing(kind()) as transport:
        for _ in range(2):
            outcomes.append(await told(transport, server.port))
    assert {body for body, _ in outcomes} == {answer.body}
    assert {reason for _, reason in outcomes} <= {"", "protocol", "eof"}
    assert peer.connections == (1 if answer.kept else 2)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(HttpTransport, name) for name in ANSWERS]
    + [(AiohttpTransport, name) for name in ANSWERS if name not in DIFFERENCES],
)
async def test_answer_in_single_bytes_is_the_same(kind, name):
    peer = Peer(pieces(ANSWERS[name].data))
    async with serving(peer.converse) as server, aclosing(kind()) as transport:
        body, reason = await told(transport, server.port)
    assert body == ANSWERS[name].body
    assert reason in ("", "protocol", "eof")


@pytest.mark.parametrize("kind", [HttpTransport, AiohttpTransport])
@pytest.mark.parametrize("name", ["close", "extension", "trailers", "greetings", "redirect"])
async def test_beginning_of_an_answer_is_never_complete(kind, name):
    data = ANSWERS[name].data
    peer = Peer(*([data[:size], CLOSE] for size in range(len(data))))
    async with serving(peer.converse) as server, aclosing(kind()) as transport:
        outcomes = [await told(transport, server.port) for _ in data]
    assert {body for body, _ in outcomes} == {None}
    assert peer.connections == len(data)


async def test_peer_that_speaks_before_it_is_asked_keeps_nobody_waiting():
    async def speak_first(reader, writer):
        writer.write(OK + HI)
        await reader.read()

    async with serving(speak_first) as server, aclosing(HttpTransport()) as transport:
        for _ in range(10):
            body, reason = await told(transport, server.port)
            assert (body, reason) in ((b"hi", ""), (None, "connect"))


async def test_peer_that_leaves_before_it_is_asked_keeps_nobody_waiting():
    async def leave(reader, writer):
        return

    async with serving(leave) as server, aclosing(HttpTransport()) as transport:
        for _ in range(10):
            body, reason = await told(transport, server.port)
            assert body is None
            assert reason in ("connect", "eof", "reset")
