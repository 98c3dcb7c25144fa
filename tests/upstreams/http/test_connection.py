"""A connection takes what HTTP/1.1 allows and nothing else, however the bytes are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.loose_wire import LooseWire
from isthmus.upstreams.http import connection as module
from isthmus.upstreams.http.connection import Connection
from isthmus.upstreams.transport import TransportError

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
#: Answers, what their body is, and whether another request may follow.
ANSWERS = {
    "length": (OK + b"content-length: 5\r\n\r\nhello", b"hello", True),
    "empty": (OK + b"Content-Length: 0\r\n\r\n", b"", True),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "chunks": (CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", b"hello", True),
    "trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nx-more: 1\r\n\r\n", b"hello", True),
    "greeted": (
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK + b"content-length: 1\r\n\r\na",
        b"a",
        True,
    ),
    "closing": (OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi", b"hi", False),
    "old": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", b"hi", False),
    "more than asked for": (OK + b"content-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n", b"hi", False),
    "two answers": (2 * (OK + b"content-length: 2\r\n\r\nhi"), b"hi", False),
    "noise after it": (OK + b"content-length: 2\r\n\r\nhi\r\nnoise", b"hi", False),
}
#: What is no answer at all, and fails before or after its head.
BROKEN = {
    "not HTTP": b"SSH-2.0-OpenSSH\r\n",
    "two lengths": OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "length and chunks": OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "other coding": OK + b"transfer-encoding: gzip\r\n\r\nxx",
    "coding in front of chunks": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "negative length": OK + b"content-length: -1\r\n\r\n",
    "size of a chunk": CHUNKED + b"zz\r\nhello\r\n",
    "end of a chunk": CHUNKED + b"2\r\nhello\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
    "space before the colon": OK + b"content-length : 2\r\n\r\nhi",
    "upgrade": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "endless head": OK + b"x: " + b"y" * (module.MAX_HEAD + 1),
    "endless greetings": b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
    "endless trailers": CHUNKED + b"0\r\n" + b"x: y\r\n" * 20000,
    "endless extension": CHUNKED + b"5;x=" + b"y" * (module.MAX_HEAD + 1),
    "too many headers": OK + b"".join(b"x-%d: y\r\n" % n for n in range(300)) + b"\r\n",
}


@pytest.fixture
def anyio_backend():
    return "asyncio"  # there is no network here


CUTS = st.lists(st.integers(0, 200), max_size=8)


def asked() -> tuple[Connection, LooseWire]:
    connection = Connection()
    wire = LooseWire(connection)
    connection.ask(b"POST / HTTP/1.1\r\n\r\n", b"")
    return connection, wire


def feed(connection: Connection, wire: LooseWire, pieces: list[bytes]) -> None:
    for piece in pieces:
        if wire.aborted:
            return
        connection.data_received(piece)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place for place in places if place < len(data)}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


async def body_of(connection: Connection) -> bytes:
    await connection.head()
    pieces = []
    while piece := await connection.read():
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("name", ANSWERS)
async def test_answer_one_byte_at_a_time_is_the_same_answer(name):
    data, body, _ = ANSWERS[name]
    connection, wire = asked()
    feed(connection, wire, [data[i : i + 1] for i in range(len(data))])
    assert await body_of(connection) == body
    assert not connection.lost


@pytest.mark.parametrize("name", ANSWERS)
@given(places=CUTS)
async def test_any_cut_of_an_answer_gives_the_same_body_and_the_same_future(name, places):
    data, body, reusable = ANSWERS[name]
    connection, wire = asked()
    feed(connection, wire, cut(data, places))
    assert await body_of(connection) == body
    assert connection.reusable is reusable


@pytest.mark.parametrize("name", BROKEN)
@given(places=CUTS)
async def test_what_is_not_http_is_a_failure_and_ends_the_connection(name, places):
    connection, wire = asked()
    feed(connection, wire, cut(BROKEN[name], places))
    with pytest.raises(TransportError) as caught:
        await body_of(connection)
    assert caught.value.reason == "protocol"
    assert wire.aborted
    assert not connection.reusable


async def test_every_truncation_of_a_framed_answer_is_a_failure():
    for data, _, _ in (ANSWERS["length"], ANSWERS["chunks"], ANSWERS["trailers"]):
        for size in range(len(data)):
            connection, wire = asked()
            feed(connection, wire, [data[:size]] if size else [])
            connection.connection_lost(None)
            with pytest.raises(TransportError):
                await body_of(connection)


async def test_body_without_framing_ends_with_the_connection_but_not_with_a_reset():
    for lost, outcome in ((None, b"hello"), (ConnectionResetError(), None)):
        connection, wire = asked()
        feed(connection, wire, [OK + b"\r\nhello"])
        if lost is None:
            connection.eof_received()
        connection.connection_lost(lost)
        if outcome is None:
            with pytest.raises(TransportError):
                await body_of(connection)
        else:
            assert await body_of(connection) == outcome
        assert not connection.reusable


async def test_connection_with_an_unread_body_is_not_reusable():
    connection, wire = asked()
    feed(connection, wire, [ANSWERS["length"][0]])
    await connection.head()
    assert not connection.reusable
    await connection.read()
    assert connection.reusable


async def test_bytes_for_which_nobody_asked_make_a_kept_connection_useless():
    connection, wire = asked()
    feed(connection, wire, [ANSWERS["length"][0]])
    await body_of(connection)
    connection.data_received(ANSWERS["length"][0])
    assert not connection.reusable


async def test_answer_before_the_request_was_taken_is_not_followed_by_another():
    connection, wire = asked()
    connection.pause_writing()
    feed(connection, wire, [ANSWERS["length"][0]])
    assert await body_of(connection) == b"hello"
    assert (connection.sent, connection.reusable) == ("some", False)
    connection.resume_writing()
    assert not connection.reusable


async def test_repeated_headers_are_joined_and_trailers_forgotten():
    connection, wire = asked()
    feed(connection, wire, [OK + b"X-A: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n"])
    feed(connection, wire, [b"0\r\nx-b: 3\r\n\r\n"])
    assert await body_of(connection) == b""
    assert connection.headers == {"x-a": "1, 2", "transfer-encoding": "chunked"}


async def test_reader_that_is_behind_holds_the_peer_back():
    connection, wire = asked()
    feed(connection, wire, [OK + b"content-length: 1000000\r\n\r\n", b"x" * 300_000])
    assert not wire.reading
    assert len(await connection.read()) == 300_000
    assert wire.reading


async def test_large_request_is_written_as_the_peer_takes_it_and_then_forgotten():
    connection, wire = asked()
    large = bytearray(range(256)) * 4096
    wire.written = b""
    connection.pause_writing()
    connection.ask(b"", large)
    assert (len(wire.written), connection.sent) == (256 * 1024, "some")
    connection.resume_writing()
    assert (wire.written, connection.sent) == (large, "all")
    large.clear()  # which nobody may do while a view of it is kept
