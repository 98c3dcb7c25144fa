"""The Messages door over an upstream that speaks Chat Completions."""

import json

import pytest

from factories import completions as make
from factories import messages
from factories.client import Answer, call
from factories.fake_chat import both, refused, streamed
from factories.fake_upstream import CLOSE, error, whole

GOOD = make.completion("Hello there.")
CALL = make.completion(
    "Let me see.", make.call("call_1", "look", '{"at": "x"}'), finish_reason="tool_calls"
)
THOUGHT = make.completion("Hello.", reasoning_content="Hm.")
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
USER = {"role": "user", "content": "Hello!"}


def ask(gateway, *turns, path="/v1/messages", **more) -> Answer:
    headers = more.pop("headers", {})
    document = {"model": "m-1", "max_tokens": 99, "messages": [USER, *turns], **more}
    body = json.dumps(document).encode()
    return call(gateway, "POST", path, body, anthropic_version="2023-06-01", **headers)


def told(answer: Answer) -> list[dict]:
    frames = [frame for frame in answer.frames if not frame.startswith(":")]
    return [json.loads(frame.partition("\ndata: ")[2]) for frame in frames]


def content(answer: Answer, *, stream: bool) -> list[dict]:
    return messages.folded(told(answer))["content"] if stream else answer.document["content"]


def test_whole_answer(gateway, vendor):
    vendor.will(whole(GOOD))
    answer = ask(gateway, system="Be brief.")
    message = answer.document
    assert (message["model"], message["stop_reason"]) == ("m-1", "end_turn")
    assert message["content"] == [{"type": "text", "text": "Hello there."}]
    assert message["usage"]["input_tokens"] == 11
    sent = vendor.requests[0].document
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (sent["model"], sent["max_tokens"]) == ("vendor-1", 99)


def test_stream_has_the_events_of_a_message(gateway, vendor):
    vendor.will(streamed(make.stream(GOOD)))
    answer = ask(gateway, stream=True)
    events = told(answer)
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    assert events[-2]["usage"]["output_tokens"] == 7
    assert content(answer, stream=True) == [{"type": "text", "text": "Hello there."}]
    assert not answer.cut


@pytest.mark.parametrize("stream", [False, True])
def test_tools_make_the_round(gateway, vendor, stream):
    vendor.will(both(CALL)[stream])
    answer = ask(gateway, tools=[TOOL], stream=stream)
    text, use = content(answer, stream=stream)
    assert (text["text"], use["name"], use["input"]) == ("Let me see.", "look", {"at": "x"})
    vendor.will(both(GOOD)[stream])
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": "a cat"}
    turns = [{"role": "assistant", "content": [text, use]}, {"role": "user", "content": [result]}]
    ask(gateway, *turns, tools=[TOOL], stream=stream)
    _, said, back = vendor.requests[0].document["messages"]
    assert said["tool_calls"][0]["id"] == back["tool_call_id"]
    assert back["content"] == "a cat"


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_comes_signed_and_never_gets_to_claude(gateway, vendor, claude, stream):
    vendor.will(both(THOUGHT)[stream])
    answer = ask(gateway, thinking={"type": "adaptive"}, stream=stream)
    thought, text = content(answer, stream=stream)
    assert thought["thinking"] == "Hm."
    assert thought["signature"].startswith("isth1.")
    claude.will(whole(messages.message(messages.text("Hi."))))
    turns = [{"role": "assistant", "content": [thought, text]}, USER]
    assert ask(gateway, *turns, model="both").status == 200
    assert claude.requests[0].document["messages"][1]["content"] == [text]


def test_thinking_of_a_tool_loop_goes_back_to_the_vendor(gateway, vendor):
    vendor.will(whole({**CALL, "choices": [{**CALL["choices"][0]}]}))
    vendor.scripts[0] = whole(
        make.completion(
            None, make.call("c", "look", "{}"), finish_reason="tool_calls", reasoning_content="Hm."
        )
    )
    on = {"tools": [TOOL], "thinking": {"type": "adaptive"}}
    blocks = ask(gateway, **on).document["content"]
    vendor.will(whole(GOOD))
    result = {"type": "tool_result", "tool_use_id": blocks[-1]["id"], "content": "a cat"}
    turns = [{"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
    ask(gateway, *turns, **on)
    assert vendor.requests[0].document["messages"][1]["reasoning_content"] == "Hm."


def test_image_becomes_a_data_url(gateway, vendor):
    vendor.will(whole(GOOD))
    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    ask(gateway, {"role": "user", "content": [{"type": "image", "source": source}]})
    part = vendor.requests[0].document["messages"][-1]["content"][-1]
    assert part["image_url"]["url"] == "data:image/png;base64,aGk="


def test_stream_that_breaks_ends_in_an_error_and_uncleanly(gateway, vendor):
    vendor.will(streamed(make.stream(GOOD)[:3], CLOSE))
    answer = ask(gateway, stream=True)
    assert told(answer)[-1]["type"] == "error"
    assert answer.cut


@pytest.mark.parametrize(
    ("status", "kind", "told_status", "told_kind"),
    [
        (400, "invalid_request_error", 400, "invalid_request_error"),
        (401, "invalid_api_key", 500, "api_error"),
        (429, "insufficient_quota", 429, "rate_limit_error"),
        (503, "server_error", 529, "overloaded_error"),
    ],
)
def test_refusal_is_told_as_claude_would(gateway, vendor, status, kind, told_status, told_kind):
    vendor.will(*[refused(status, kind, "No.")] * 3)
    answer = ask(gateway)
    assert (answer.status, answer.error["type"]) == (told_status, told_kind)
    assert answer.document["type"] == "error"


def test_what_is_dropped_is_told(gateway, vendor):
    vendor.will(whole(GOOD))
    answer = ask(gateway, top_k=5)
    assert "top_k: dropped" in answer.headers["x-isthmus-warnings"]
    assert ask(gateway, top_k=5, headers={"x-isthmus-strict": "1"}).status == 400


def test_tokens_are_counted_by_nobody(gateway, vendor):
    answer = ask(gateway, path="/v1/messages/count_tokens")
    assert (answer.status, answer.error["type"]) == (404, "not_found_error")


def test_request_for_nothing_is_answered_here(gateway, vendor):
    answer = ask(gateway, max_tokens=0)
    assert (answer.document["content"], vendor.requests) == ([], [])


def test_malformed_request_is_refused_by_its_path(gateway, vendor):
    answer = ask(gateway, {"role": "user", "content": [{"type": "text"}]})
    assert answer.status == 400
    assert "messages[1].content[0]" in answer.error["message"]
    assert not vendor.requests


@pytest.mark.parametrize("stream", [False, True])
def test_call_goes_on_at_the_vendor_where_claude_fails(gateway, vendor, claude, stream):
    claude.will(error(529, "overloaded_error"))
    vendor.will(both(GOOD)[stream])
    answer = ask(gateway, model="both", stream=stream)
    assert content(answer, stream=stream) == [{"type": "text", "text": "Hello there."}]
    assert answer.headers["x-isthmus-upstream"] == "vendor"


def test_error_in_the_stream_is_told_as_one(gateway, vendor):
    events = [*make.stream(GOOD)[:3], {"error": {"message": "Gone.", "code": 500}}]
    vendor.will(streamed(events))
    answer = ask(gateway, stream=True)
    assert told(answer)[-1]["error"]["message"] == "Gone."
    assert answer.cut
