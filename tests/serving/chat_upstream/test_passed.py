"""Chat calls to upstreams that speak Chat Completions: passed on, byte for byte."""

import json

import pytest

from factories import completions as make
from factories import messages
from factories.client import ask as post
from factories.client import call
from factories.fake_chat import refused, streamed, table
from factories.fake_upstream import CLOSE, STALL, error, raw, whole
from factories.gateway import running
from isthmus.wire.chat.events import DONE

ASKED = {"model": "m-1", "messages": [{"role": "user", "content": "Hello!"}]}
GOOD = make.completion("Hello there.")


def ask(gateway, **more):
    headers = more.pop("headers", {})
    return post(gateway, {**ASKED, **more}, **headers)


def test_answer_goes_through_as_it_was_written(gateway, vendor):
    body = json.dumps({**GOOD, "of_their_own": [1.0, "é"]}, indent=1).encode()
    vendor.will(raw(body, 200, "application/json"))
    answer = ask(gateway)
    assert answer.body == body
    assert answer.headers["x-isthmus-upstream-request-id"] == "req_up"
    assert answer.headers["x-isthmus-upstream"] == "vendor"


def test_request_goes_through_but_for_the_name_of_the_model(gateway, vendor):
    vendor.will(whole(GOOD))
    vendor.fields = {"of_their_own"}
    said = b'[{"role":"user","content":"\\u00e9"}]'
    text = b'{"model":"m-1","n":2,"of_their_own":1.50,"messages":%b}' % said
    post(gateway, text)
    sent = vendor.requests[0]
    assert sent.body == text.replace(b'"m-1"', b'"vendor-1"')
    assert sent.headers["authorization"] == "bearer sk-upstream"
    assert "x-api-key" not in sent.headers


def test_stream_goes_through_without_usage_that_nobody_asked_for(gateway, vendor):
    vendor.will(streamed(make.stream(GOOD)))
    answer = ask(gateway, stream=True, stream_options={"include_obfuscation": False})
    assert [d for d in answer.data if not d["choices"]] == []
    assert (answer.text, answer.done, answer.cut) == ("Hello there.", True, False)
    asked = vendor.requests[0].document["stream_options"]
    assert asked == {"include_obfuscation": False, "include_usage": True}


def test_stream_keeps_usage_that_was_asked_for(gateway, vendor):
    vendor.will(streamed(make.stream(GOOD)))
    answer = ask(gateway, stream=True, stream_options={"include_usage": True})
    assert answer.body == make.framed(make.stream(GOOD))


def test_usage_is_told_to_the_log(gateway, vendor):
    vendor.will(streamed(make.stream(GOOD)))
    usage = {"prompt_tokens": 4321, "completion_tokens": 7}
    vendor.scripts[0] = streamed(make.stream({**GOOD, "usage": usage}))
    ask(gateway, stream=True)
    assert gateway.logs(" prompt_tokens=4321 ")


def test_stream_without_the_last_mark_is_whole_where_every_choice_has_ended(gateway, vendor):
    vendor.will(streamed(make.stream(GOOD, done=False)))
    answer = ask(gateway, stream=True)
    assert (answer.text, answer.done, answer.cut) == ("Hello there.", True, False)


@pytest.mark.parametrize("how", [CLOSE, STALL])
def test_stream_that_breaks_is_never_ended_as_if_it_were_whole(gateway, vendor, how):
    vendor.will(streamed(make.stream(GOOD)[:3], how))
    answer = ask(gateway, stream=True)
    assert answer.data[-1]["error"]["code"] == "stream_interrupted"
    assert (answer.done, answer.cut) == (False, True)


def test_one_choice_of_two_does_not_make_a_whole_answer(gateway, vendor):
    vendor.will(streamed(make.stream(GOOD, done=False)))
    answer = ask(gateway, stream=True, n=2)
    assert (answer.done, answer.cut) == (False, True)


def test_refusal_goes_through_in_the_upstreams_words(gateway, vendor):
    vendor.will(refused(400, "invalid_request_error", "Too hot."))
    answer = ask(gateway)
    assert (answer.status, answer.error["message"]) == (400, "Too hot.")
    assert answer.error == {
        "message": "Too hot.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, "invalid_request_error", "upstream_auth_error"),
        (429, "insufficient_quota", "upstream_billing_error"),
    ],
)
def test_trouble_with_our_account_is_not_the_callers(gateway, vendor, status, kind, code):
    vendor.will(refused(status, kind, "Incorrect API key provided: sk-upstream."))
    answer = ask(gateway)
    assert (answer.status, answer.error["code"]) == (502, code)
    assert b"sk-upstream" not in answer.body


def test_error_in_place_of_the_first_chunk_is_a_plain_error(gateway, vendor):
    vendor.will(streamed([{"error": {"message": "Slow down.", "code": 429}}]))
    answer = ask(gateway, stream=True)
    assert (answer.status, answer.error["message"]) == (429, "Slow down.")


def test_comments_of_the_upstream_keep_the_client_alive(gateway, vendor):
    script = streamed(make.stream(GOOD))
    script.insert(2, b"c\r\n: thinking\n\n\r\n")
    vendor.will(script)
    assert "thinking" in ask(gateway, stream=True).comments


def test_call_goes_on_at_claude_where_the_vendor_fails(gateway, vendor, claude):
    vendor.will(refused(503, "server_error"))
    claude.will(whole(messages.message(messages.text("From Claude."))))
    answer = ask(gateway, model="vendor-first", max_tokens=9)
    assert answer.document["choices"][0]["message"]["content"] == "From Claude."
    assert answer.headers["x-isthmus-upstream"] == "claude"


@pytest.mark.parametrize("stream", [False, True])
def test_call_goes_on_at_the_vendor_where_claude_fails(gateway, vendor, claude, stream):
    claude.will(error(529, "overloaded_error"))
    vendor.will(streamed(make.stream(GOOD)) if stream else whole(GOOD))
    answer = ask(gateway, model="both", max_tokens=9, stream=stream)
    text = answer.text if stream else answer.document["choices"][0]["message"]["content"]
    assert (answer.status, text) == (200, "Hello there.")


def test_stream_of_tool_calls_for_several_choices_goes_through(gateway, vendor):
    calls = make.completion(None, make.call("c1", "look", '{"a":1}'), finish_reason="tool_calls")
    events = [*make.stream(calls, done=False), make.chunk({}, "stop"), DONE]
    events[-2]["choices"][0]["index"] = 1
    vendor.will(streamed(events))
    answer = ask(gateway, stream=True, n=2, stream_options={"include_usage": True})
    assert answer.body == make.framed(events)


def test_body_that_is_no_request_is_refused_here(gateway, vendor):
    answer = ask(gateway, stream="yes")
    assert (answer.status, answer.error["param"]) == (400, "stream")
    assert not vendor.requests


def test_models_that_are_served_are_listed_and_no_others(tmp_path, vendor):
    model = '[models.m-1]\ntargets = [{ upstream = "vendor", model = "vendor-1" }]\n'
    with running(tmp_path, table("vendor", vendor.url) + model) as started:
        [listed] = call(started, "GET", "/v1/models").document["data"]
        refused_here = post(started, {**ASKED, "model": "claude-opus-5-5"})
    assert (listed["id"], listed["owned_by"]) == ("m-1", "vendor")
    assert (listed["max_input_tokens"], listed["max_tokens"]) == (None, None)
    assert refused_here.status == 404


def test_upstream_may_ask_for_no_key(tmp_path, vendor):
    text = f"""
[upstreams.home]
kind = "openai_compatible"
base_urls = ["{vendor.url}/v1/chat/completions"]

[models.m-1]
targets = [{{ upstream = "home", model = "vendor-1" }}]
"""
    vendor.will(whole(GOOD))
    vendor.keys[""] = None
    with running(tmp_path, text) as started:
        assert ask(started).status == 200
    assert "authorization" not in vendor.requests[0].headers
    del vendor.keys[""]
