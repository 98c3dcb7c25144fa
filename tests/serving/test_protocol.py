"""HTTP/1.1 as the server speaks it: what uvicorn leaves out, and what it would let through."""

import json
import re
import socket
from collections.abc import Generator

import pytest

from factories.bare_server import BareServer, read_to_end, serving

HOST = b" HTTP/1.1\r\nhost: a\r\n"
LAST = b"connection: close\r\n"
CHUNKED = b"POST /echo" + HOST + LAST + b"transfer-encoding: chunked\r\n\r\n"
H2C = (
    b"POST /echo"
    + HOST
    + b"connection: upgrade, close\r\nupgrade: h2c\r\ncontent-length: 5\r\n\r\n"
)


@pytest.fixture(scope="module")
def started() -> Generator[BareServer]:
    with serving() as running:
        yield running


@pytest.fixture
def server(started: BareServer) -> Generator[BareServer]:
    """Nothing a client does may be worth a line in the log."""
    yield started
    assert started.log.read_text() == ""


UNFINISHED = {
    "header": b"GET /echo" + HOST + b"a: " + b"x" * 900_000,
    "name of a header": b"GET /echo" + HOST + b"x" * 900_000,
    "trailer": CHUNKED + b"0\r\na: " + b"x" * 900_000,
    "chunk extension": CHUNKED + b"1;a=" + b"x" * 900_000,
    "empty lines": b"\r\n" * 450_000,
}


@pytest.mark.parametrize("name", UNFINISHED)
def test_what_never_gets_complete_is_not_kept(server, name):
    sent = UNFINISHED[name]
    with server.connect(sent[:1000]) as connection:
        for start in range(1000, len(sent), 10_000):
            connection.sendall(sent[start : start + 10_000])
        assert connection.recv(12) == b"HTTP/1.1 431"


def test_client_that_goes_on_sending_gets_to_see_its_refusal(server):
    answer = server.ask(b"GET /echo" + HOST + b"a: " + b"x" * 900_000)
    assert answer.startswith(b"HTTP/1.1 431")


def test_large_headers_right_behind_another_request_are_not_taken(server):
    first = b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi"
    filler = b"".join(b"x-%d: %b\r\n" % (number, b"x" * 1000) for number in range(50))
    second = b"GET /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + filler + b"\r\n"
    assert b"x-49" not in server.ask(first + second)


def test_client_that_never_stops_sending_is_cut_off(server):
    cut = pytest.raises(OSError, match=r"Broken pipe|reset by peer")
    with server.connect(b"GET /echo" + HOST + b"a: ") as connection, cut:
        for _ in range(200):
            connection.sendall(b"x" * (1 << 20))


REFUSED = {
    "no version": b"GET /echo\r\n\r\n",
    "a later version": b"GET /echo HTTP/2.0\r\n\r\n",
    "a tunnel": b"CONNECT a:1" + HOST + b"\r\n",
    "no path": b"OPTIONS *" + HOST + b"\r\n",
    "two framings": b"POST /echo"
    + HOST
    + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
    "bare line feeds": b"GET /echo HTTP/1.1\nhost: a\n\n",
    "a broken chunk": CHUNKED + b"zz\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_is_a_complete_answer_in_the_usual_form(server, name):
    head, _, body = server.ask(REFUSED[name]).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status == "HTTP/1.1 400 Bad Request"
    assert re.fullmatch(r"req_[0-9a-f]{32}", headers["x-request-id"])
    assert headers.keys() >= {"date", "content-type"}
    assert len(body) == int(headers["content-length"])
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_trailers_are_not_taken_for_headers(server):
    answer = server.ask(CHUNKED + b"3\r\nabc\r\n0\r\nauthorization: Bearer x\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nhost connection transfer-encoding|abc")


@pytest.mark.parametrize("ahead", [0, 3, 5])
def test_offer_of_another_protocol_does_not_cost_the_body(server, ahead):
    with server.connect(H2C + b"hello"[:ahead]) as connection:
        server.wait_for("called /echo")
        connection.sendall(b"hello"[ahead:])
        assert read_to_end(connection).endswith(b"\r\n\r\nhost connection content-length|hello")


def test_offers_of_another_protocol_may_follow_each_other(server):
    first = H2C.replace(b", close", b"")
    assert server.ask(first + b"first" + H2C + b"other").count(b"HTTP/1.1 200") == 2


def test_bad_request_does_not_get_into_the_answer_to_another(server):
    with server.connect(b"GET /stream" + HOST + b"\r\n") as connection:
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.sendall(b"BAD\r\n\r\n")
        rest = read_to_end(connection)
    assert b"400" not in rest
    assert not rest.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("behind", [b"", b"GET /echo" + HOST + b"\r\n", b"POST /echo" + HOST])
def test_leaving_is_noticed_whatever_was_sent_behind(server, behind):
    connection = server.connect(b"GET /hang" + HOST + b"\r\n" + behind)
    server.wait_for("called /hang")
    connection.close()
    server.wait_for("left /hang")


def test_closing_one_direction_counts_as_leaving(server):
    with server.connect(b"GET /hang" + HOST + b"\r\n") as connection:
        server.wait_for("called /hang")
        connection.shutdown(socket.SHUT_WR)
        server.wait_for("left /hang")
        assert read_to_end(connection) == b""


def test_requests_sent_far_ahead_are_all_answered(server):
    one = b"GET /echo" + HOST + b"\r\n"
    answers = server.ask(one * 999 + b"GET /echo" + HOST + LAST + b"\r\n")
    assert answers.count(b"HTTP/1.1 200") == 1000


def test_answer_that_is_broken_off_has_no_last_chunk(server):
    answer = server.ask(b"GET /break" + HOST + b"\r\n")
    assert answer.endswith(b"5\r\npiece\r\n")


def test_old_clients_get_no_chunks(server):
    head, _, body = server.ask(b"GET /stream HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body == b"piecepiecepiecelast"


def test_old_clients_get_lengths(server):
    head, _, body = server.ask(b"GET /echo HTTP/1.0\r\na: b\r\n\r\n").partition(b"\r\n\r\n")
    assert b"content-length: 2" in head
    assert body == b"a|"


def test_server_does_not_say_what_it_is(server):
    head = server.ask(b"GET /echo" + HOST + LAST + b"\r\n").partition(b"\r\n\r\n")[0]
    assert b"\r\ndate: " in head
    assert b"\r\nserver: " not in head


def test_body_that_nobody_reads_is_not_taken_in(server):
    with server.connect(b"POST /hang" + HOST + b"content-length: 200000000\r\n\r\n") as connection:
        server.wait_for("called /hang")
        connection.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 200:
                connection.sendall(b"x" * (1 << 20))
                sent += 1
    assert sent < 50
