"""Connections that end early, on either side, and bodies that are too large."""

import json
import socket
import struct
import time

import pytest

from factories import messages as make
from factories.client import HELLO, call
from factories.fake_upstream import PAUSE, STALL, events, whole
from factories.gateway import Gateway

EVENTS = make.stream(make.message(make.text("Hello.")))


def raw(gateway: Gateway, body: bytes, *lines: str, version: str = "1.1") -> socket.socket:
    """Open a connection and send a chat request as bytes."""
    connection = socket.create_connection((gateway.host, gateway.port), 10)
    head = [f"POST /v1/chat/completions HTTP/{version}", "host: x", *lines]
    head += [f"authorization: Bearer {gateway.key}", "content-type: application/json", "", ""]
    connection.sendall("\r\n".join(head).encode() + body)
    return connection


def chat(gateway: Gateway, version: str = "1.1", **more: object) -> socket.socket:
    body = json.dumps({**HELLO, **more}).encode()
    return raw(gateway, body, f"content-length: {len(body)}", version=version)


def read_to_end(connection: socket.socket) -> tuple[bytes, bool]:
    """Read until the connection ends; say whether by a reset."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        return received, True
    return received, False


def leave(connection: socket.socket, how: str) -> None:
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    ("asked", "script"),
    [
        ({"max_tokens": 9}, [STALL]),
        ({}, events(EVENTS[:5], STALL)),
        ({"stream": True}, [STALL]),
        ({"stream": True}, events(EVENTS[:5], STALL)),
    ],
    ids=["whole", "folded", "stream before content", "stream"],
)
def test_client_that_leaves_cancels_the_upstream_call(gateway, primary, asked, script, how):
    primary.will(script)
    connection = chat(gateway, **asked)
    (received,) = primary.wait_for(1)
    if script[0] != STALL and asked.get("stream"):
        assert connection.recv(10)
    left = time.monotonic()
    leave(connection, how)
    assert received.gone.wait(5)
    assert time.monotonic() - left < 0.4  # less than the silence that would end the call as well
    assert "Traceback" not in gateway.logged()


def test_call_that_was_left_is_recorded_once(gateway, primary):
    primary.will([STALL])
    call(gateway, "GET", "/nothing-like-it")
    deadline = time.monotonic() + 5
    while "nothing-like-it" not in gateway.logged():  # lines come in order, a moment later
        assert time.monotonic() < deadline
    before = gateway.logged().count("ending=client_closed")
    connection = chat(gateway, stream=True)
    (received,) = primary.wait_for(1)
    connection.close()
    assert received.gone.wait(5)
    while gateway.logged().count("ending=client_closed") == before:
        assert time.monotonic() < deadline
    assert gateway.logged().count("ending=client_closed") == before + 1


def test_broken_stream_resets_a_client_that_knows_no_chunks(gateway, primary):
    primary.will([*events(EVENTS[:5], PAUSE), b"0\r\n\r\n"])
    with chat(gateway, version="1.0", stream=True) as connection:
        received, was_reset = read_to_end(connection)
    assert b'"error"' in received
    assert was_reset


def test_declared_size_over_the_limit_is_refused_before_the_body(gateway):
    with raw(gateway, b"{", "content-length: 99999999") as connection:
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_chunked_body_over_the_limit_is_refused_on_the_way(gateway):
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    sent = 0
    cut = pytest.raises(OSError, match=r"Broken pipe|reset by peer")
    with raw(gateway, b"", "transfer-encoding: chunked") as connection, cut:
        while sent < 200:
            connection.sendall(piece)
            sent += 1
    assert 32 <= sent < 200


def test_large_body_gets_to_see_its_413(gateway):
    body = b'{"a":"' + b"x" * (33 * 1024 * 1024) + b'"}'
    answer = call(gateway, "POST", "/v1/chat/completions", body)
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")


def test_body_just_under_the_limit_is_read(gateway, primary):
    primary.will(whole(make.message(make.text("Long."))))
    text = "x" * (31 * 1024 * 1024)
    body = {**HELLO, "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
    assert call(gateway, "POST", "/v1/chat/completions", json.dumps(body).encode()).status == 200


REFUSED = {
    "no host": (b"GET /livez HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
    "absolute target": (b"GET http://evil/livez HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    "long target": (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414),
    "many headers": (b"GET /livez HTTP/1.1\r\nhost: a\r\n" + b"a: b\r\n" * 101 + b"\r\n", 431),
    "large header": (b"GET /livez HTTP/1.1\r\nhost: a\r\na: " + b"x" * 40000 + b"\r\n\r\n", 431),
    "not HTTP": (b"hello\r\n\r\n", 400),
    "two lengths": (b"GET /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n"
                    b"content-length: 2\r\n\r\n", 400),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_careless_requests_are_refused(gateway, name):
    sent, status = REFUSED[name]
    with socket.create_connection((gateway.host, gateway.port), 10) as connection:
        connection.sendall(sent)
        received, _ = read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 %d" % status)
    assert (
        json.loads(received.partition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"
    )


def test_pipelined_requests_are_answered_in_order(gateway):
    with socket.create_connection((gateway.host, gateway.port), 10) as connection:
        connection.sendall(
            b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n"
            b"GET /nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        )
        received, _ = read_to_end(connection)
    assert received.index(b"200 OK") < received.index(b"401 Unauthorized")
