"""Requests that a careful server must not take, over raw sockets; and JSON nobody should send."""

import json
import socket
import time
from collections.abc import Generator

import pytest

from factories import messages as make
from factories.bare_server import read_to_end
from factories.client import ask
from factories.fake_upstream import FakeUpstream, whole
from factories.gateway import Gateway, running, upstream_table

GOOD = make.message(make.text("Hello."))


@pytest.fixture(scope="module")
def upstream() -> Generator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, upstream) -> Generator[Gateway]:
    directory = tmp_path_factory.mktemp("requests")
    rest = upstream_table("main", upstream.url)
    with running(directory, rest, server="timeouts = { header = 0.8 }") as started:
        yield started


def get(path: bytes = b"/livez", *lines: bytes, host: bytes = b"host: a") -> bytes:
    head = [b"GET " + path + b" HTTP/1.1", *([host] if host else []), *lines, b"connection: close"]
    return b"\r\n".join([*head, b"", b""])


def post(*lines: bytes, body: bytes = b"") -> bytes:
    head = [b"POST /v1/chat/completions HTTP/1.1", b"host: a", *lines, b"connection: close"]
    return b"\r\n".join([*head, b"", body])


def status(gateway: Gateway, sent: bytes) -> int:
    with socket.create_connection((gateway.host, gateway.port), 10) as connection:
        connection.sendall(sent)
        answer = read_to_end(connection)
    return int(answer.split(b" ", 2)[1]) if answer else 0


#: What is sent, and what is answered. 401: it got as far as the key that it does not have.
HOSTILE = {
    "length and chunks": (post(b"content-length: 3", b"transfer-encoding: chunked"), 400),
    "two lengths": (post(b"content-length: 3", b"content-length: 4", body=b"abcd"), 400),
    "a coding like chunked": (post(b"transfer-encoding: xchunked"), 400),
    "space before a colon": (post(b"transfer-encoding : chunked"), 400),
    "bare line feeds": (get().replace(b"\r\n", b"\n"), 400),
    "folded header": (get(b"/livez", b"x: a", b" b"), 400),
    "NUL in a header": (get(b"/livez", b"x: a\0b"), 400),
    "no host": (get(host=b""), 400),
    "odd host": (get(host=b"host: a/?x="), 200),  # nothing is ever made of it
    "two hosts": (get(host=b"host: a\r\nhost: b"), 400),
    "header of 70 kB": (get(b"/livez", b"x: " + b"y" * 70_000), 431),
    "header of 1 MB": (get(b"/livez", b"x: " + b"y" * 1_000_000), 431),
    "1,000 headers": (get(b"/livez", *[b"x: y"] * 1000), 431),
    "target of 100 kB": (get(b"/" + b"x" * 100_000), 414),
    "target that is a host": (get(b"@google.com"), 400),
    "target that is a URL": (get(b"http://evil/livez"), 400),
    "path with two slashes": (get(b"//livez"), 401),
    "path with dots": (get(b"/v1/%2e%2e/livez"), 401),
    "host with a dot at its end": (get(host=b"host: localhost."), 200),
    "over 32 MB by its own account": (post(b"content-length: 99999999"), 401),
    "expectation": (post(b"expect: 100-continue", b"content-length: 0"), 401),
    "trailers": (
        post(b"transfer-encoding: chunked", body=b"0\r\nauthorization: Bearer x\r\n\r\n"),
        401,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_one_plain_request_is_refused(gateway, name):
    sent, expected = HOSTILE[name]
    assert status(gateway, sent) == expected


def test_half_a_head_is_closed_in_time(gateway):
    began = time.monotonic()
    assert status(gateway, b"GET /livez HTTP/1.1\r\nhost: a\r\nx: ") == 408
    assert time.monotonic() - began < 5


QUESTION = '"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9'
ODD_JSON = {
    "deep": (f'"a": {"[" * 2000}{"]" * 2000}', 400),
    "NaN": ('"temperature": NaN', 400),
    "infinity": ('"top_p": Infinity', 400),
    "1e400": ('"temperature": 1e400', 400),
    "5,000 digits": (f'"seed": {"9" * 5000}', 400),
    "lone surrogate": ('"user": "\\ud800"', 400),
    "large integer": (f'"seed": {2**63}', 200),
    "header in a user": ('"user": "a\\r\\nx: y"', 200),
    "NUL and separators": ('"user": "\\u0000\\u2028"', 200),
}


@pytest.mark.parametrize("name", ODD_JSON)
def test_json_nobody_should_send_is_refused_or_passed_on_whole(gateway, upstream, name):
    member, expected = ODD_JSON[name]
    upstream.will(whole(GOOD))
    answer = ask(gateway, f'{{"model": "claude-sonnet-4-6", {QUESTION}, {member}}}'.encode())
    assert answer.status == expected
    if expected == 400:
        assert answer.error["type"] == "invalid_request_error"
        assert upstream.requests == []


@pytest.mark.parametrize("body", [b'{"model": "\xff\xfe"}', b"\xef\xbb\xbf{}", b"[" * 100_000])
def test_what_is_no_json_at_all_is_refused(gateway, body):
    answer = ask(gateway, body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_json")


def test_last_of_two_members_is_the_one_that_counts_and_that_goes_on(gateway, upstream):
    upstream.will(whole(GOOD))
    body = f'{{"model": "no-such-model", {QUESTION}, "model": "claude-haiku-4-5"}}'
    assert ask(gateway, body.encode()).status == 200
    assert upstream.requests[0].document["model"].startswith("claude-haiku-4-5")


def test_many_messages_are_served(gateway, upstream):
    upstream.will(whole(GOOD))
    roles = ["user", "assistant"] * 2500 + ["user"]
    messages = [{"role": role, "content": "x"} for role in roles]
    document = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": messages}
    assert ask(gateway, document).status == 200
    assert len(upstream.requests[0].document["messages"]) == 5001


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("messages", [{"role": "user", "content": "x"}] * 20_001),
        ("tools", [{"type": "function", "function": {"name": f"f{n}"}} for n in range(513)]),
    ],
)
def test_more_than_anybody_needs_is_refused_by_its_name(gateway, member, value):
    document = {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "x"}]}
    answer = ask(gateway, json.dumps({**document, member: value}).encode())
    assert (answer.status, answer.error["param"]) == (400, member)
