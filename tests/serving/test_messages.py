"""The Messages door before upstreams that speak the same protocol: nothing is rewritten."""

import json

import pytest

from factories import messages as make
from factories.client import HELLO, Answer, call, message
from factories.fake_upstream import CLOSE, error, event, events, raw, whole

GOOD = make.message(make.text("Hello there."))
ASKED = (
    b'{ "messages" : [ {"role":"user", "content":"caf\\u00e9 \\ud83d\\ude00 \xc3\xa9"} ],\n'
    b'"max_tokens":9,"temperature":1.0,"model":"only-main","metadata":{"user_id":"a",\n'
    b' "user_id":"b","big":12345678901234567890,"deep":' + b"[" * 70 + b"]" * 70 + b"}}"
)


def values(body: bytes) -> dict[bytes, bytes]:
    """Cut out the text of each top-level value of `ASKED`, as it was written."""
    cuts = [b'"messages"', b'"max_tokens"', b'"temperature"', b'"model"', b'"metadata"']
    starts = sorted((body.index(name), name) for name in cuts)
    ends = [start for start, _ in starts[1:]] + [len(body)]
    return {
        name: body[start + len(name) : end].strip(b" ,:\n}")
        for (start, name), end in zip(starts, ends, strict=True)
    }


def streamed(gateway, **headers: str) -> Answer:
    body = json.dumps({**HELLO, "max_tokens": 9, "stream": True}).encode()
    return message(gateway, body, **headers)


def test_every_value_goes_upstream_as_the_text_it_came_in(gateway, primary):
    primary.will(whole(GOOD))
    assert message(gateway, ASKED).status == 200
    sent = values(primary.requests[0].body)
    assert sent.pop(b'"model"') == b'"claude-sonnet-4-6"'
    assert sent == {k: v for k, v in values(ASKED).items() if k != b'"model"'}


def test_whole_answer_comes_back_byte_for_byte(gateway, primary):
    body = (
        b'{"type" : "message", "new": 1e2, "id":"msg_1","usage":{"input_tokens":3},\n"content":[]}'
    )
    primary.will(raw(body, 200, "application/json"))
    answer = message(gateway)
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["x-isthmus-model"] == "only-main"
    assert answer.headers["x-isthmus-upstream"] == "main"


def test_stream_comes_back_byte_for_byte_and_ends_cleanly(gateway, primary):
    listed = make.stream(GOOD)
    listed[2:2] = [{"type": "new_event", "x": 1.0}, {"type": "ping"}]
    script = events(listed)
    primary.will(script)
    answer = streamed(gateway)
    sent = b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in listed)
    assert answer.body == sent
    assert not answer.cut
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_headers_of_the_protocol_pass_and_nothing_else(gateway, primary):
    primary.will(whole(GOOD))
    told = {
        "anthropic_beta": "a-1, b-2",
        "anthropic_new_thing": "yes",
        "x_claude_code_session_id": "s",
        "cookie": "c=1",
        "x_custom": "1",
    }
    message(gateway, **told)
    sent = primary.requests[0].headers
    assert sent["anthropic-version"] == "2023-06-01"
    assert sent["anthropic-beta"] == "a-1, b-2"
    assert sent["anthropic-new-thing"] == "yes"
    assert not {"authorization", "cookie", "x-custom", "x-claude-code-session-id"} & sent.keys()


def test_headers_that_choose_whose_account_it_is_are_withheld(gateway, primary):
    primary.will(whole(GOOD))
    answer = message(gateway, anthropic_workspace_id="w", anthropic_user_profile_id="p")
    assert not {"anthropic-workspace-id", "anthropic-user-profile-id"} & (
        primary.requests[0].headers.keys()
    )
    assert "anthropic-workspace-id: dropped" in answer.headers["x-isthmus-warnings"]


def test_member_named_twice_is_the_one_that_was_looked_at(gateway, primary):
    primary.will(whole(GOOD))
    body = (
        b'{"model":"nobody-knows","messages":[],"model":"only-main","stream":true,"stream":false}'
    )
    message(gateway, body)
    assert primary.requests[0].body.count(b'"model"') == 1
    assert primary.requests[0].document == {
        "model": "claude-sonnet-4-6",
        "messages": [],
        "stream": False,
    }


@pytest.mark.parametrize("status", [400, 404, 413, 422, 429, 529])
def test_what_upstream_says_is_wrong_is_told_in_its_own_words(gateway, primary, backup, status):
    body = b'{"type":"error",  "error":{"type":"odd_error","message":"Odd \\u00e9","details":{}}}'
    told = raw(body, status, "application/json", x_should_retry="false")
    primary.will(told)
    backup.will(told)
    answer = message(gateway, json.dumps({**HELLO, "max_tokens": 9}).encode())
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(("asked", "told"), [("300", "60"), ("0", "1"), ("7", "7")])
def test_pause_that_upstream_asks_for_is_told_within_reason(gateway, primary, backup, asked, told):
    refusal = error(429, "rate_limit_error", "Slow.", retry_after=asked)
    primary.will(refusal, refusal, refusal)
    backup.will(refusal)
    assert message(gateway).headers["retry-after"] == told


@pytest.mark.parametrize("status", [401, 402, 403])
def test_trouble_with_our_credential_is_not_the_clients(gateway, primary, backup, status):
    primary.will(error(status, "some_error", "invalid x-api-key sk-upstream"))
    backup.will(error(status, "some_error", "invalid x-api-key sk-upstream"))
    answer = message(gateway)
    assert (answer.status, answer.error["type"]) == (500, "api_error")
    assert answer.headers["x-should-retry"] == "false"
    assert "sk-upstream" not in answer.body.decode()


def test_key_that_upstream_repeats_is_masked(gateway, primary):
    primary.will(error(400, "invalid_request_error", "do not say sk-upstream"))
    assert b"sk-upstream" not in message(gateway).body


def test_overloaded_upstream_is_left_for_another(gateway, primary, backup):
    primary.will(error(529, "overloaded_error"))
    backup.will(whole(GOOD))
    answer = message(gateway)
    assert answer.document == GOOD
    assert answer.headers["x-isthmus-attempts"] == "2"


def test_stream_that_begins_with_an_error_is_left_for_another(gateway, primary, backup):
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}}
    primary.will(events([make.stream(GOOD)[0], overloaded]))
    backup.will(events(make.stream(GOOD)))
    answer = streamed(gateway)
    assert b"overloaded" not in answer.body
    assert answer.body.count(b"event: message_start") == 1


@pytest.mark.parametrize("how", ["cut off", "error", "no end"])
def test_stream_that_breaks_ends_with_an_error_and_uncleanly(gateway, primary, how):
    begun = make.stream(GOOD)[:5]
    timeout = {"type": "error", "error": {"type": "timeout_error", "message": "Late."}}
    scripts = {
        "cut off": events(begun, CLOSE),
        "error": [*events(begun, end=False), event(timeout), CLOSE],
        "no end": events(begun),
    }
    primary.will(scripts[how])
    answer = streamed(gateway)
    last = json.loads(answer.frames[-1].partition("data: ")[2])
    assert answer.frames[-1].startswith("event: error\n")
    assert last["error"]["type"] == ("timeout_error" if how == "error" else "api_error")
    assert answer.cut
    assert b"message_stop" not in answer.body


def test_half_an_event_is_never_passed_on(gateway, primary):
    begun = events(make.stream(GOOD)[:5], end=False)
    half = b"20\r\nevent: content_block_delta\ndata: {\r\n"
    primary.will([*begun, half, CLOSE])
    frames = streamed(gateway).frames
    assert all(json.loads(frame.partition("data: ")[2]) for frame in frames)


WRONG = {
    "no JSON": (b"{", "not valid JSON"),
    "no object": (b"[]", "not a JSON object"),
    "no model": (b"{}", "model: Field required"),
    "odd model": (b'{"model":7}', "model: Input should be a valid string"),
    "odd switch": (b'{"model":"only-main","stream":"yes"}', "stream: Input should be"),
    "bad UTF-8": (b'{"model":"only-main","x":"\xff"}', "Invalid UTF-8"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_nobody_can_read_is_refused_in_the_words_of_the_protocol(gateway, case):
    body, told = WRONG[case]
    answer = call(gateway, "POST", "/v1/messages", body)
    assert (answer.status, answer.document["type"]) == (400, "error")
    assert answer.error["type"] == "invalid_request_error"
    assert told in answer.error["message"]
    assert answer.document["request_id"] == answer.headers["request-id"]


def test_unknown_model_and_wrong_key_are_told_likewise(gateway):
    unknown = call(gateway, "POST", "/v1/messages", b'{"model":"gpt-9"}')
    assert (unknown.status, unknown.error["type"]) == (404, "not_found_error")
    stranger = call(gateway, "POST", "/v1/messages", b"{}", authorization="Bearer wrong")
    assert (stranger.status, stranger.error["type"]) == (401, "authentication_error")


def test_tokens_are_counted_upstream(gateway, primary):
    primary.will(whole({"input_tokens": 7}))
    body = b'{"model":"only-main","messages":[{"role":"user","content":"Hi."}]}'
    answer = call(gateway, "POST", "/v1/messages/count_tokens?beta=true", body)
    assert answer.document == {"input_tokens": 7}
    assert primary.requests[0].path == "POST /v1/messages/count_tokens?beta=true HTTP/1.1"


def test_count_that_is_none_is_no_answer(gateway, primary, backup):
    primary.will(whole({"tokens": 7}))
    backup.will(whole({"input_tokens": None}))
    answer = call(gateway, "POST", "/v1/messages/count_tokens", b'{"model":"only-main"}')
    assert (answer.status, answer.error["type"]) == (502, "api_error")


@pytest.mark.parametrize(
    "path", ["/v1/messages?beta=true", "/messages", "/v1/v1/messages", "/v1/messages/"]
)
def test_every_way_to_write_the_path_leads_here(gateway, primary, path):
    primary.will(whole(GOOD))
    body = json.dumps({**HELLO, "max_tokens": 9}).encode()
    assert call(gateway, "POST", path, body).document == GOOD
    assert ("?beta=true" in primary.requests[0].path) == ("beta" in path)


@pytest.mark.parametrize("path", ["/", "/api/hello"])
def test_clients_that_look_whether_anybody_is_here_are_answered(gateway, path):
    answer = call(gateway, "HEAD", path, authorization="")
    assert (answer.status, answer.body) == (200, b"")
