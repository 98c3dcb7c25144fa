"""Clients that keep the server waiting, over real sockets."""

import json
import socket
import time
from collections.abc import Generator

import pytest

from factories import messages as make
from factories.bare_server import read_to_end
from factories.client import HELLO, ask
from factories.fake_upstream import FakeUpstream, event, events, head
from factories.gateway import Gateway, running

LIMITS = """
max_connections = 40
[server.timeouts]
header = 0.6
body = 1.5
client_stall = 0.7
keep_alive = 1.2
"""
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
def upstream() -> Generator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(scope="module")
def impatient(tmp_path_factory, upstream) -> Generator[Gateway]:
    rest = (
        f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{upstream.url}"]\n'
        'api_key = "env:UPSTREAM_KEY"\n[models.only-main]\n'
        'targets = [{ upstream = "main", model = "claude-sonnet-4-6" }]\n'
    )
    with running(tmp_path_factory.mktemp("deadlines"), rest, server=LIMITS) as gateway:
        yield gateway


def connected(gateway: Gateway, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection((gateway.host, gateway.port), 10)
    connection.sendall(sent)
    return connection


def authorized(gateway: Gateway, rest: bytes) -> bytes:
    return POST + b"authorization: Bearer " + gateway.key.encode() + b"\r\n" + rest


def ended(connection: socket.socket) -> tuple[bytes, float]:
    """Read to the end; say what came and how long it took."""
    began = time.monotonic()
    with connection:
        return read_to_end(connection), time.monotonic() - began


def test_head_that_never_ends_is_told_and_closed(impatient):
    answer, seconds = ended(connected(impatient, b"GET /livez HTTP/1.1\r\nhost: a\r\nx: "))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"
    assert 0.4 < seconds < 5


def test_head_in_drops_is_closed_at_the_same_time(impatient):
    connection = connected(impatient)
    began = time.monotonic()
    with pytest.raises(OSError), connection:  # noqa: PT011 - reset or broken pipe, as it comes
        while time.monotonic() - began < 5:
            connection.sendall(b"G")
            if connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b"":
                raise ConnectionResetError
            time.sleep(0.05)
    assert time.monotonic() - began < 4


def test_connection_without_a_word_is_closed(impatient):
    answer, seconds = ended(connected(impatient))
    assert answer == b""
    assert seconds < 5


def test_second_request_has_its_deadline_too(impatient):
    connection = connected(impatient, b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\nGET /li")
    answer, _ = ended(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


def test_idle_connection_is_kept_for_its_time_and_no_longer(impatient):
    connection = connected(impatient, b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
    answer, seconds = ended(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert 0.9 < seconds < 5


def test_body_that_never_comes_is_told_and_closed(impatient):
    answer, seconds = ended(
        connected(impatient, authorized(impatient, b"content-length: 100\r\n\r\n{"))
    )
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert seconds < 6


def test_body_nobody_asked_for_does_not_hold_the_connection(impatient):
    answer, seconds = ended(connected(impatient, POST + b"content-length: 100\r\n\r\n{"))
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert seconds < 6


def long_stream() -> list[bytes]:
    """More than all buffers on the way can hold."""
    started = make.stream(make.message(make.text("")))[:3]
    delta = {"type": "text_delta", "text": "x" * 60_000}
    piece = event({"type": "content_block_delta", "index": 0, "delta": delta})
    return [*events(started, end=False), *[piece] * 400]


def test_client_that_reads_nothing_is_left_and_upstream_let_go(impatient, upstream):
    upstream.will(long_stream())
    body = json.dumps({**HELLO, "stream": True}).encode()
    request = authorized(impatient, b"content-length: %d\r\n\r\n" % len(body) + body)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((impatient.host, impatient.port))
    with connection:
        connection.sendall(request)
        upstream.wait_for(1)
        assert upstream.requests[0].gone.wait(15)
    deadline = time.monotonic() + 5
    while "ending=client_closed" not in impatient.logged():
        assert time.monotonic() < deadline


def test_slow_reader_that_goes_on_gets_everything(impatient, upstream):
    started = make.stream(make.message(make.text("done")))
    delta = {"type": "text_delta", "text": "x" * 60_000}
    piece = event({"type": "content_block_delta", "index": 0, "delta": delta})
    script = [head(200, "text/event-stream", transfer_encoding="chunked")]
    script += [event(one) for one in started[:3]] + [piece] * 60
    upstream.will([*script, *map(event, started[3:]), b"0\r\n\r\n"])
    body = json.dumps({**HELLO, "stream": True}).encode()
    connection = connected(
        impatient, authorized(impatient, b"content-length: %d\r\n\r\n" % len(body) + body)
    )
    received = b""
    with connection:
        while b"data: [DONE]" not in received:
            piece = connection.recv(200_000)
            assert piece
            received += piece
            time.sleep(0.01)
    assert received.count(b"x") > 60 * 60_000


def test_one_connection_too_many_closes_the_one_idle_longest(impatient):
    oldest = connected(impatient, b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
    oldest.recv(1000)
    others = [connected(impatient) for _ in range(40)]
    began = time.monotonic()
    assert oldest.recv(1000) == b""
    assert time.monotonic() - began < 0.9
    for connection in (oldest, *others):
        connection.close()
    assert ask(impatient, b"{").status == 400
