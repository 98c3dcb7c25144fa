"""Upstreams that cannot be reached, refuse, or answer with something else."""

import gzip
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

import pytest
import trustme

from factories import messages as make
from factories.chaos_proxy import ChaosProxy
from factories.client import Answer, ask, stream
from factories.fake_upstream import (
    CLOSE,
    PAUSE,
    RESET,
    STALL,
    error,
    event,
    events,
    head,
    raw,
    whole,
)
from factories.gateway import Gateway, upstream_table

GOOD = make.message(make.text("Hello there."))
EVENTS = make.stream(GOOD)
SHORT = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Hi"}],
}


def streamed(gateway: Gateway, **more) -> Answer:
    return stream(gateway, model="claude-sonnet-4-6", **more)


def assert_served_by_the_second(answer: Answer) -> None:
    assert (answer.text, answer.done, answer.cut) == ("Hello there.", True, False)
    assert answer.headers["x-isthmus-attempts"] == "2"


def test_reset_before_the_first_byte_of_a_new_connection_fails_over(pair, primary, backup):
    primary.will([RESET])
    backup.will(events(EVENTS))
    assert_served_by_the_second(streamed(pair))


def test_reset_of_a_kept_connection_is_tried_again_once_and_blamed_on_nobody(pair, primary, backup):
    primary.will([*whole(GOOD), CLOSE], whole(GOOD))
    for _ in range(2):
        answer = ask(pair, SHORT)
        assert (answer.status, answer.headers["x-isthmus-attempts"]) == (200, "1")
    assert len(primary.requests) == 2
    assert backup.requests == []
    assert "ejected" not in pair.logged()


def test_peer_that_vanished_is_noticed_by_the_silence(start, primary, backup):
    with ChaosProxy(primary.url) as proxy:
        gateway = start(proxy.url, backup.url)
        proxy.weather.blackhole = True
        backup.will(events(EVENTS))
        assert_served_by_the_second(streamed(gateway))


def test_stopped_process_is_noticed_by_the_silence(start, backup):
    program = "import socket; s = socket.create_server(('127.0.0.1', 0)); "
    program += "print(s.getsockname()[1], flush=True); s.accept(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGSTOP)
        gateway = start(f"http://127.0.0.1:{port}", backup.url)
        backup.will(events(EVENTS))
        assert_served_by_the_second(streamed(gateway))
        process.kill()


def test_name_that_does_not_resolve_fails_over(start, backup):
    gateway = start("http://no-such-host.invalid", backup.url)
    backup.will(events(EVENTS))
    assert_served_by_the_second(streamed(gateway))


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.test"])
def test_certificate_nobody_vouches_for_is_never_trusted(start, backup, authority, name):
    certificate = authority.issue_cert(name)
    with (
        certificate.private_key_and_cert_chain_pem.tempfile() as file,
        tls_server(file) as port,
    ):
        gateway = start(f"https://127.0.0.1:{port}", backup.url)
        backup.will(events(EVENTS))
        assert_served_by_the_second(streamed(gateway))


class tls_server:  # noqa: N801 - a context manager
    """Shakes hands with whoever wants to."""

    def __init__(self, certificate: str) -> None:
        program = (
            "import ssl, socket, sys; c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); "
            "c.load_cert_chain(sys.argv[1]); s = socket.create_server(('127.0.0.1', 0)); "
            "print(s.getsockname()[1], flush=True)\n"
            "while True:\n"
            "    try: c.wrap_socket(s.accept()[0], server_side=True)\n"
            "    except OSError: pass\n"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, certificate], stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def test_handshake_that_stalls_costs_the_connect_timeout(start, backup):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gateway = start(f"https://127.0.0.1:{silent.getsockname()[1]}", backup.url)
        backup.will(events(EVENTS))
        began = time.monotonic()
        assert_served_by_the_second(streamed(gateway))
        assert 0.5 < time.monotonic() - began < 4


def test_address_that_swallows_everything_costs_one_call_its_time_and_later_ones_nothing(
    start, backup
):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        place = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(place)
        gateway = start(f"http://127.0.0.1:{place[1]}", backup.url)
        backup.will(*[events(EVENTS)] * 3)
        assert_served_by_the_second(streamed(gateway))
        for _ in range(2):
            began = time.monotonic()
            answer = streamed(gateway)
            assert (answer.done, answer.headers["x-isthmus-attempts"]) == (True, "1")
            assert time.monotonic() - began < 0.8
        for filler in fillers:
            filler.close()


NO_ANSWERS = {
    "JSON error with 200": whole({"type": "error", "error": {"type": "api_error"}}),
    "login page": raw(b"<html>Sign in</html>", 200, "text/html"),
    "nothing": raw(b"", 200, "application/json"),
    "half a document": raw(json.dumps(GOOD).encode()[:-9], 200, "application/json"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_200_that_is_no_answer_fails_over(pair, primary, backup, name):
    primary.will(NO_ANSWERS[name])
    backup.will(whole(GOOD))
    assert ask(pair, SHORT).document["choices"][0]["message"]["content"] == "Hello there."


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_200_that_is_no_answer_is_a_502_where_there_is_nobody_else(start, primary, name):
    gateway = start(primary.url)
    primary.will(NO_ANSWERS[name])
    answer = ask(gateway, SHORT)
    assert answer.status == 502
    assert "Hello" not in answer.body.decode()


@pytest.mark.parametrize("told", [None, "-1", "1e9", "NaN", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_absurd_patience_is_clamped_and_another_credential_is_used(start, primary, told):
    primary.keys["sk-other"] = None
    rest = upstream_table("two", primary.url).replace(
        'api_key = "env:UPSTREAM_KEY"',
        'api_keys = [{ secret = "env:UPSTREAM_KEY" }, { secret = "env:OTHER_KEY" }]',
    )
    gateway = start("http://127.0.0.1:9", rest=rest + mine("two"))
    headers = {} if told is None else {"retry_after": told}
    primary.will(error(429, "rate_limit_error", **headers), *[whole(GOOD)] * 3)
    for _ in range(3):
        assert ask(gateway, {**SHORT, "model": "mine"}).status == 200
    used = [received.headers["x-api-key"] for received in primary.requests]
    assert len(set(used)) == 2
    assert used[1:] == [used[1]] * 3


def mine(upstream: str) -> str:
    target = f'{{ upstream = "{upstream}", model = "claude-sonnet-4-6" }}'
    return f"[models.mine]\ntargets = [{target}]\n"


def test_overload_everywhere_is_told_and_not_multiplied(pair, primary, backup):
    for fake in (primary, backup):
        fake.otherwise = lambda _: error(529, "overloaded_error")
    for _ in range(10):
        answer = ask(pair, SHORT)
        assert (answer.status, answer.error["code"]) == (503, "overloaded")
    assert len(primary.requests) + len(backup.requests) <= 24
    for fake in (primary, backup):
        fake.otherwise = lambda _: whole(GOOD)
    assert ask(pair, SHORT).status == 200


def test_revoked_credential_is_quarantined_and_nobody_notices(start, primary):
    rest = upstream_table("two", primary.url).replace(
        'api_key = "env:UPSTREAM_KEY"',
        'api_keys = [{ secret = "env:UPSTREAM_KEY" }, { secret = "env:OTHER_KEY" }]',
    )
    gateway = start("http://127.0.0.1:9", rest=rest + mine("two"))
    primary.otherwise = lambda _: whole(GOOD)
    questions = [[{"role": "user", "content": f"Question {n}"}] for n in range(12)]
    for messages in questions:
        assert ask(gateway, {**SHORT, "model": "mine", "messages": messages}).status == 200
    refused = [r for r in primary.requests if r.headers["x-api-key"] == "sk-other"]
    assert len(refused) == 1
    assert "kind=quarantined" in logged(gateway, "kind=quarantined")


def logged(gateway: Gateway, words: str) -> str:
    deadline = time.monotonic() + 5
    while words not in (text := gateway.logged()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return text


def test_redirect_is_not_followed_and_the_key_goes_nowhere_else(start, primary, backup):
    gateway = start(primary.url)
    primary.will(error(302, "api_error", location=f"{backup.url}/v1/messages"))
    assert ask(gateway, SHORT).status == 502
    assert backup.requests == []


BODY = json.dumps(GOOD).encode()
FRAMED_TWICE = {
    "two lengths": b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
    "length and chunks": b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
    "length too short": b"content-length: %d\r\n\r\n" % (len(BODY) - 3),
}


@pytest.mark.parametrize("name", FRAMED_TWICE)
def test_connection_with_doubtful_framing_is_not_used_again(pair, primary, backup, name):
    start_line = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    primary.will([start_line + FRAMED_TWICE[name] + BODY, STALL], whole(GOOD))
    backup.will(whole(GOOD))
    assert ask(pair, SHORT).status == 200
    assert ask(pair, SHORT).status == 200
    connections = [received.connection for received in primary.requests]
    assert len(set(connections)) == len(connections)


def test_compression_nobody_asked_for_is_no_answer(start, primary):
    gateway = start(primary.url)
    packed = gzip.compress(BODY)
    primary.will(raw(packed, 200, "application/json", content_encoding="gzip"))
    assert ask(gateway, SHORT).status == 502
    assert primary.requests[0].headers["accept-encoding"] == "identity"


IMPOSSIBLE_USAGE = [
    None,
    {"input_tokens": -5, "output_tokens": -1},
    {"input_tokens": 1e30},
    {"output_tokens": "many"},
]


@pytest.mark.parametrize("usage", IMPOSSIBLE_USAGE)
def test_usage_that_cannot_be_is_never_negative(start, primary, usage):
    gateway = start(primary.url)
    primary.will(whole({**GOOD, "usage": usage}))
    answer = ask(gateway, SHORT)
    assert answer.status == 200
    told = answer.document.get("usage") or {}
    assert all(number >= 0 for number in told.values() if isinstance(number, int | float))


def test_usage_that_shrinks_in_a_stream_keeps_what_was_told_last_and_stays_sound(start, primary):
    gateway = start(primary.url)
    script = events(EVENTS[:-1], end=False)
    less = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 1},
    }
    primary.will([*script, event(less), event(EVENTS[-1]), b"0\r\n\r\n"])
    answer = streamed(gateway, stream_options={"include_usage": True})
    assert answer.done
    assert answer.data[-1]["usage"]["completion_tokens"] >= 0


def test_request_that_goes_in_circles_is_stopped_and_each_gateway_counts(start, primary):
    gateway = start(primary.url)
    primary.will(whole(GOOD), whole(GOOD))
    answer = ask(gateway, SHORT, x_isthmus_hops="5")
    assert (answer.status, answer.error["code"]) == (508, "loop_detected")
    ask(gateway, SHORT)
    ask(gateway, SHORT, x_isthmus_hops="3")
    assert [r.headers["x-isthmus-hops"] for r in primary.requests] == ["1", "4"]


def test_proxy_in_the_environment_is_not_used(start, primary, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    gateway = start(primary.url)
    primary.will(whole(GOOD))
    assert ask(gateway, SHORT).status == 200


def test_address_family_that_leads_nowhere_costs_a_quarter_of_a_second(start, primary):
    port = primary.url.rpartition(":")[2]
    gateway = start(f"http://localhost:{port}")
    primary.will(whole(GOOD))
    began = time.monotonic()
    assert ask(gateway, SHORT).status == 200
    assert time.monotonic() - began < 1


def test_silence_after_the_start_of_a_message_fails_over_with_one_beginning(pair, primary, backup):
    primary.will(events(EVENTS[:1], STALL))
    backup.will(events(EVENTS))
    answer = streamed(pair)
    assert_served_by_the_second(answer)
    assert sum("role" in d["choices"][0]["delta"] for d in answer.data if d["choices"]) == 1


def test_pings_alone_are_no_answer(pair, primary, backup):
    ping = event({"type": "ping"})
    primary.will([head(200, "text/event-stream", transfer_encoding="chunked"), *[ping, PAUSE] * 60])
    backup.will(events(EVENTS))
    assert_served_by_the_second(streamed(pair))


def test_descriptors_running_out_pauses_accepting_and_passes(start, primary):
    gateway = start(primary.url, server="max_connections = 100")
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    kept = gateway.connection()
    kept.request("GET", "/healthz")
    assert kept.getresponse().read()
    crowd = [socket.create_connection((gateway.host, gateway.port), 5) for _ in range(90)]
    kept.request("GET", "/healthz")
    assert kept.getresponse().status == 200
    for connection in (kept, *crowd):
        connection.close()
    primary.will(whole(GOOD))
    deadline = time.monotonic() + 10
    while True:
        try:
            assert ask(gateway, SHORT).status == 200
            break
        except OSError:
            assert time.monotonic() < deadline
