"""Calls through a started gateway to upstreams that fail in every way they can."""

import json
import time

import pytest

from factories import messages as make
from factories.client import HELLO, ask, stream
from factories.fake_upstream import (
    CLOSE,
    PAUSE,
    RESET,
    STALL,
    chunk,
    error,
    event,
    events,
    head,
    raw,
    whole,
)

GOOD = make.message(make.text("Hello there."))
EVENTS = make.stream(GOOD)
#: message_start, ping, content_block_start, two deltas
BEGUN = EVENTS[:5]

REFUSING = {
    "500": error(500, "api_error"),
    "503": error(503, "api_error"),
    "529": error(529, "overloaded_error"),
    "redirect": error(302, "api_error", location="http://127.0.0.1:9/"),
    "reset before the head": [RESET],
    "closed before the head": [CLOSE],
    "closed in the head": [b"HTTP/1.1 200 OK\r\ncontent-", CLOSE],
    "web page": raw(b"<html>Sign in</html>", 200, "text/html"),
}
REFUSING_STREAM = {
    **REFUSING,
    "no answer": [STALL],
    "document instead of a stream": whole(GOOD),
    "error before content": events(
        [*EVENTS[:2], {"type": "error", "error": {"type": "api_error"}}]
    ),
    "ends before content": events(EVENTS[:2]),
    "cut before content": events(EVENTS[:2], RESET),
    "silent before content": events(EVENTS[:2], STALL),
    "nonsense": [head(200, "text/event-stream", content_length="9"), b"data: x\n\n"],
}


def test_whole_answer_is_translated(gateway, primary):
    primary.will(whole(GOOD))
    answer = ask(gateway, {**HELLO, "max_tokens": 100})
    assert (answer.status, answer.cut) == (200, False)
    assert answer.document["choices"][0]["message"]["content"] == "Hello there."
    (received,) = primary.requests
    assert "stream" not in received.document
    assert answer.headers["x-isthmus-upstream"] == "main"


def test_long_answers_are_streamed_and_put_together(gateway, primary):
    primary.will(events(EVENTS))
    answer = ask(gateway)
    assert answer.document["choices"][0]["message"]["content"] == "Hello there."
    assert primary.requests[0].document["stream"] is True
    assert answer.headers["content-type"] == "application/json"


def test_stream_is_translated_and_terminated(gateway, primary):
    primary.will(events(EVENTS))
    answer = stream(gateway)
    assert (answer.text, answer.done, answer.cut) == ("Hello there.", True, False)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-accel-buffering"] == "no"


def test_last_comment_before_the_terminator_says_what_happened(gateway, primary):
    primary.will(events(EVENTS))
    answer = stream(gateway, seed=1)
    assert answer.frames[-1] == "data: [DONE]"
    said = json.loads(answer.frames[-2].removeprefix(": isthmus "))
    assert (said["upstream"], said["attempts"]) == ("main", 1)
    assert [warning["slug"] for warning in said["warnings"]] == ["seed.dropped"]


@pytest.mark.parametrize("name", REFUSING)
def test_next_base_url_answers_in_one_piece_when_the_first_cannot(gateway, primary, backup, name):
    primary.will(REFUSING[name], REFUSING[name])
    backup.will(whole(GOOD))
    answer = ask(gateway, {**HELLO, "max_tokens": 100})
    assert answer.document["choices"][0]["message"]["content"] == "Hello there."
    assert answer.headers["x-isthmus-attempts"] == "2"


@pytest.mark.parametrize("name", REFUSING_STREAM)
def test_next_base_url_streams_when_the_first_cannot(gateway, primary, backup, name):
    primary.will(REFUSING_STREAM[name], REFUSING_STREAM[name])
    backup.will(events(EVENTS))
    answer = stream(gateway)
    assert (answer.text, answer.done, answer.cut) == ("Hello there.", True, False)
    assert sum("role" in d["choices"][0]["delta"] for d in answer.data) == 1
    assert answer.headers["x-isthmus-attempts"] == "2"


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (error(400, "invalid_request_error", "max_tokens: no"), 400, "invalid_request"),
        (error(422, "invalid_request_error"), 422, "invalid_request"),
        (raw(b"<html>too big</html>", 413, "text/html"), 413, "request_too_large"),
        (error(401, "authentication_error"), 502, "upstream_auth_error"),
        (error(429, "rate_limit_error", retry_after="7"), 429, "rate_limit_exceeded"),
    ],
)
def test_other_refusals_are_told_and_not_tried_elsewhere(
    gateway, primary, backup, script, status, code
):
    primary.will(script)
    answer = stream(gateway)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert backup.requests == []


def test_refused_credential_moves_on_to_the_next_target(gateway, primary, backup):
    primary.will(error(401, "authentication_error"))
    backup.will(events(EVENTS))
    answer = stream(gateway, model="mine/two.targets")
    assert answer.done
    assert backup.requests[0].document["model"] == "claude-opus-5-5"
    assert backup.requests[0].document["thinking"] == {"type": "adaptive", "display": "summarized"}


def test_exhausted_routes_are_told_by_a_status(gateway, primary, backup):
    primary.will([RESET], [RESET])
    backup.will(error(529, "overloaded_error"))
    answer = stream(gateway)
    assert (answer.status, answer.error["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"] == "5"


END = b"0\r\n\r\n"
BREAKING = {
    "error event": [event({"type": "error", "error": {"type": "overloaded_error"}}), END],
    "error event alone": [event({"type": "error"}), STALL],
    "clean end": [END],
    "reset": [RESET],
    "closed": [CLOSE],
    "closed in an event": [chunk(b"event: content_blo"), CLOSE],
    "silence": [STALL],
    "nonsense": [chunk(b"data: x\n\n")],
    "event that is no object": [chunk(b"data: 1\n\n")],
    "stop without a reason": [event(EVENTS[-1]), END],
    "reason with an open block": [event(EVENTS[-2]), END],
    "block out of order": [event(EVENTS[2]), END],
    "second message": [event(EVENTS[0]), END],
    "end in an event": [chunk(b"data:"), END],
    "broken chunk": [b"zz\r\nwhat"],
    "paused turn": [
        event(EVENTS[-3]),
        event({"type": "message_delta", "delta": {"stop_reason": "pause_turn"}}),
        event(EVENTS[-1]),
        END,
    ],
}
BREAKING = {name: [*events(BEGUN, PAUSE), *steps] for name, steps in BREAKING.items()}


@pytest.mark.parametrize("name", BREAKING)
def test_broken_stream_ends_with_an_error_and_never_as_complete(gateway, primary, backup, name):
    primary.will(BREAKING[name])
    answer = stream(gateway)
    assert (answer.status, answer.done, answer.cut) == (200, False, True)
    assert answer.text.startswith("Hello")
    assert answer.data[-1]["error"]["message"]
    assert all(not c["finish_reason"] for d in answer.data[:-1] for c in d["choices"])
    assert backup.requests == []


def test_broken_stream_is_told_by_what_broke_it_and_not_by_what_came_before(
    gateway, primary, backup
):
    primary.will(error(529, "overloaded_error"))
    backup.will(events(BEGUN, RESET))
    answer = stream(gateway)
    assert answer.text.startswith("Hello")
    assert answer.data[-1]["error"]["code"] == "stream_interrupted"


@pytest.mark.parametrize("name", BREAKING)
def test_whole_answer_is_never_made_of_a_broken_stream(gateway, primary, backup, name):
    primary.will(BREAKING[name])
    backup.will(BREAKING[name])
    answer = ask(gateway)
    assert answer.status >= 500
    assert answer.error["message"]


def test_whole_answer_is_taken_from_the_next_route_after_a_broken_stream(gateway, primary, backup):
    primary.will(events(BEGUN, RESET))
    backup.will(events(EVENTS))
    answer = ask(gateway)
    assert answer.document["choices"][0]["message"]["content"] == "Hello there."


def test_missing_terminator_after_the_stop_reason_is_complete(gateway, primary):
    primary.will(events(EVENTS[:-1]))
    answer = stream(gateway)
    assert (answer.done, answer.cut) == (True, False)


def test_nothing_of_the_callers_headers_goes_upstream(gateway, primary):
    primary.will(whole(GOOD))
    ask(gateway, {**HELLO, "max_tokens": 9}, cookie="a=b", x_forwarded_for="1.2.3.4", x_secret="s")
    (received,) = primary.requests
    assert received.headers.keys() == {
        "host", "content-type", "accept", "accept-encoding", "user-agent", "x-api-key",
        "anthropic-version", "content-length", "x-isthmus-hops",
    }  # fmt: skip
    assert received.headers["x-api-key"] == "sk-upstream"


def test_connection_closed_while_idle_costs_nothing(gateway, primary, backup):
    primary.will([*whole(GOOD), CLOSE], whole(GOOD))
    for _ in range(2):
        answer = ask(gateway, {**HELLO, "max_tokens": 9})
        assert answer.headers["x-isthmus-attempts"] == "1"
    assert len(primary.requests) == 2


def test_sampling_goes_by_the_version_that_knows_it(gateway, primary):
    primary.will(whole(GOOD), whole(GOOD))
    ask(gateway, {**HELLO, "max_tokens": 9, "temperature": 0.5})
    ask(gateway, {**HELLO, "max_tokens": 9})
    versions = [received.headers["anthropic-version"] for received in primary.requests]
    assert versions == ["2023-06-01", "2026-10-21"]


def test_nothing_secret_is_logged(gateway, primary):
    primary.will(error(500, "api_error", "sk-upstream"), error(500, "api_error"))
    ask(gateway, {**HELLO, "messages": [{"role": "user", "content": "my-private-words"}]})
    deadline = time.monotonic() + 5
    while "status=500" not in (logged := gateway.logged()):
        assert time.monotonic() < deadline
    for secret in (gateway.key, "sk-upstream", "my-private-words"):
        assert secret not in logged
