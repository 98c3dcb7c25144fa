"""Calls through a gateway whose upstreams, URLs and credentials fail; each has one of its own."""

import socket
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from factories import messages as make
from factories.client import HELLO, Answer, ask, stream
from factories.fake_upstream import RESET, STALL, FakeUpstream, error, events, whole
from factories.gateway import Gateway, free_port, running

GOOD = make.message(make.text("Hello there."))
EVENTS = make.stream(GOOD)
SHORT = {**HELLO, "model": "claude-sonnet-4-6", "max_tokens": 9}
FIRST, SECOND = "sk-upstream", "sk-second"

Start = Callable[..., Gateway]


@pytest.fixture
def main() -> Generator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.keys = {FIRST: None, SECOND: None}
        upstream.otherwise = good
        yield upstream


@pytest.fixture
def spare() -> Generator[FakeUpstream]:
    with FakeUpstream() as upstream:
        upstream.otherwise = good
        yield upstream


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start]:
    """Start a gateway before one upstream: its base URLs, and what else is said of it."""
    with ExitStack() as stack:

        def run(*urls: str, more: str = 'api_key = "env:UPSTREAM_KEY"', rest: str = "") -> Gateway:
            listed = ", ".join(f'"{url}"' for url in urls)
            head = f'[upstreams.main]\nkind = "anthropic"\nbase_urls = [{listed}]\n'
            timeouts = "timeouts = { connect = 1, first_byte = 2, stall = 0.3 }\n"
            return stack.enter_context(running(tmp_path, f"{head}{timeouts}{more}\n{rest}"))

        yield run


TWO_KEYS = """api_keys = [
    { secret = "env:UPSTREAM_KEY", account = "first" },
    { secret = "env:SECOND_KEY", account = "second" },
]"""


def good(document: dict) -> list[bytes | str]:
    """Answer well, however it is asked for."""
    return events(EVENTS) if document.get("stream") else whole(GOOD)


def told(answer: Answer) -> tuple[int, str, str]:
    headers = answer.headers
    return answer.status, headers["x-isthmus-upstream"], headers["x-isthmus-attempts"]


def until_logged(gateway: Gateway, text: str) -> str:
    deadline = time.monotonic() + 5
    while text not in gateway.logged():
        assert time.monotonic() < deadline, gateway.logged()
        time.sleep(0.02)
    return gateway.logged()


def ours(session: int) -> dict[str, str]:
    return {"x_isthmus_session": str(session)}


# Credentials ------------------------------------------------------------------------------------


def test_a_conversation_keeps_its_credential_and_many_are_spread(start, main):
    gateway = start(main.url, more=TWO_KEYS)
    for session in range(16):
        for _ in range(2):
            assert told(ask(gateway, SHORT, **ours(session))) == (200, "main", "1")
    pairs = set(zip(main.used[::2], main.used[1::2], strict=True))
    assert pairs == {(FIRST, FIRST), (SECOND, SECOND)}


def test_a_limited_credential_is_left_alone_for_its_time(start, main):
    gateway = start(main.url, more=TWO_KEYS)
    ask(gateway, SHORT)
    mine, other = sorted([FIRST, SECOND], key=main.used.count, reverse=True)
    main.keys[mine] = error(429, "rate_limit_error", retry_after="1")
    assert told(ask(gateway, SHORT)) == (200, "main", "2")
    limited_at = time.monotonic()
    main.keys[mine] = None
    while main.used[-1] != mine:
        assert told(ask(gateway, SHORT)) == (200, "main", "1")
        assert time.monotonic() < limited_at + 5
        time.sleep(0.05)
    assert time.monotonic() - limited_at >= 0.9
    assert main.used[:3] == [mine, mine, other]


@pytest.mark.parametrize(
    ("refused", "incident"),
    [
        (error(401, "authentication_error"), "quarantined"),
        (error(402, "billing_error"), "parked"),
        (error(400, "invalid_request_error", "Your credit balance is too low."), "parked"),
    ],
)
def test_a_refused_credential_is_taken_out_and_no_client_sees_it(start, main, refused, incident):
    gateway = start(main.url, more=TWO_KEYS)
    main.keys[FIRST] = refused
    answers = [ask(gateway, SHORT, **ours(session)) for session in range(16)]
    assert {answer.status for answer in answers} == {200}
    assert main.used.count(FIRST) == 1
    assert until_logged(gateway, incident).count(incident) == 1


def test_the_last_credential_is_asked_although_it_was_refused(start, main):
    gateway = start(main.url)
    main.keys[FIRST] = error(401, "authentication_error")
    for _ in range(2):
        answer = ask(gateway, SHORT)
        assert told(answer) == (502, "main", "1")
        assert answer.error["code"] == "upstream_auth_error"
    main.keys[FIRST] = None
    assert told(ask(gateway, SHORT)) == (200, "main", "1")


def test_a_refused_credential_is_not_tried_at_another_base_url(start, main, spare):
    gateway = start(main.url, spare.url)
    main.keys[FIRST] = error(401, "authentication_error")
    assert told(ask(gateway, SHORT)) == (502, "main", "1")
    assert spare.requests == []


# Base URLs --------------------------------------------------------------------------------------


@contextmanager
def black_hole() -> Generator[str]:
    """Offer a URL that nobody answers at: its queue of connections is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as stack:
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_dead_primary_costs_one_call_its_time_and_later_calls_nothing(start, spare):
    with black_hole() as dead:
        gateway = start(dead, spare.url)
        began = time.monotonic()
        assert told(ask(gateway, SHORT)) == (200, "main", "2")
        assert time.monotonic() - began >= 1
        for _ in range(5):
            assert told(stream(gateway, **SHORT)) == (200, "main", "1")


def test_a_primary_that_is_back_is_found_by_a_call_after_its_time(start, spare):
    port = free_port()
    gateway = start(f"http://127.0.0.1:{port}", spare.url)
    began = time.monotonic()
    assert told(ask(gateway, SHORT)) == (200, "main", "2")
    with FakeUpstream(port=port) as primary:
        primary.otherwise = good
        while not primary.requests:
            assert told(ask(gateway, SHORT)) == (200, "main", "1")
            assert time.monotonic() - began < 15
            time.sleep(0.1)
        assert time.monotonic() - began >= 5
        ask(gateway, SHORT)
        assert len(primary.requests) == 2
    assert "recovered" in until_logged(gateway, "recovered")


def test_a_primary_that_fails_five_times_in_a_row_is_left_alone(start, main, spare):
    gateway = start(main.url, spare.url)
    main.keys[FIRST] = error(500, "api_error")
    attempts = [told(ask(gateway, SHORT))[2] for _ in range(8)]
    assert attempts == ["2"] * 5 + ["1"] * 3


def test_a_primary_that_breaks_five_answers_in_a_row_is_left_alone(start, main, spare):
    gateway = start(main.url, spare.url)
    main.keys[FIRST] = events(EVENTS[:5], RESET)
    answers = [stream(gateway, **SHORT) for _ in range(6)]
    assert [answer.cut for answer in answers] == [True] * 5 + [False]


# Streams ----------------------------------------------------------------------------------------

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
BEFORE_CONTENT = {
    "overloaded status": error(529, "overloaded_error"),
    "overloaded in the stream": events([OVERLOADED]),
    "overloaded after the start": events([*EVENTS[:2], OVERLOADED]),
    "silence after the start": events(EVENTS[:1], STALL),
}


@pytest.mark.parametrize("name", BEFORE_CONTENT)
def test_what_fails_before_content_is_never_seen(start, main, spare, name):
    gateway = start(main.url, spare.url)
    main.keys[FIRST] = BEFORE_CONTENT[name]
    answer = stream(gateway, **SHORT)
    assert told(answer) == (200, "main", "2")
    assert (answer.text, answer.done, answer.cut) == ("Hello there.", True, False)
    assert sum("role" in d["choices"][0]["delta"] for d in answer.data) == 1


def test_a_client_that_waits_for_all_gets_one_more_attempt_after_content(start, main, spare):
    gateway = start(main.url, spare.url, f"http://127.0.0.1:{free_port()}")
    main.keys[FIRST] = events(EVENTS[:5], RESET)
    assert told(ask(gateway, {**SHORT, "max_tokens": 9999})) == (200, "main", "2")
    spare.keys[FIRST] = events(EVENTS[:5], RESET)
    assert told(ask(gateway, {**SHORT, "max_tokens": 9999})) == (502, "main", "2")


# Deadlines and headers --------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("script", [[STALL], events(EVENTS[:1], STALL)])
def test_a_clients_patience_ends_its_call_in_time(start, main, spare, script, streams):
    gateway = start(main.url, spare.url)
    main.keys[FIRST] = script
    began = time.monotonic()
    answer = ask(gateway, {**SHORT, "stream": streams}, x_isthmus_timeout="0.25")
    assert 0.25 <= time.monotonic() - began < 2
    assert (answer.status, answer.error["code"]) == (504, "timeout")
    assert spare.requests == []


def test_headers_name_the_upstream_on_errors_too_and_never_a_credential(start, main, spare):
    gateway = start(main.url, spare.url)
    main.keys[FIRST] = spare.keys[FIRST] = error(503, "api_error")
    for answer in (ask(gateway, SHORT), stream(gateway, **SHORT)):
        assert told(answer) == (503, "main", "2")
        for secret in (FIRST, "first", main.url, spare.url):
            assert secret not in str(answer.headers) + answer.body.decode()


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_an_upstream_may_take_one_version_of_the_api_only(start, main, version):
    gateway = start(main.url, more=f'api_key = "env:UPSTREAM_KEY"\napi_version = "{version}"')
    ask(gateway, {**SHORT, "temperature": 0.5})
    ask(gateway, SHORT)
    assert {received.headers["anthropic-version"] for received in main.requests} == {version}
    sampled = ["temperature" in received.document for received in main.requests]
    assert sampled == [version == "2023-06-01", False]
