"""The Responses door over an upstream that speaks Chat Completions."""

import json

import pytest

from factories import completions as make
from factories.client import Answer, call
from factories.fake_chat import both, refused, streamed
from factories.fake_upstream import CLOSE, error

GOOD = make.completion("Hello there.")
CALL = make.completion(None, make.call("c1", "look", '{"at":"x"}'), finish_reason="tool_calls")
THOUGHT = make.completion("Hello.", reasoning_content="Hm.")
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
ENCRYPTED = ["reasoning.encrypted_content"]


def ask(gateway, asked: object = "Hello!", **more) -> Answer:
    body = json.dumps({"model": "m-1", "input": asked, **more}).encode()
    return call(gateway, "POST", "/v1/responses", body)


def told(answer: Answer) -> list[dict]:
    frames = [frame for frame in answer.frames if not frame.startswith(":")]
    return [json.loads(frame.partition("\ndata: ")[2]) for frame in frames]


def response(answer: Answer, *, stream: bool) -> dict:
    return told(answer)[-1]["response"] if stream else answer.document


@pytest.mark.parametrize("stream", [False, True])
def test_answer(gateway, vendor, stream):
    vendor.otherwise = lambda document: both(GOOD)[bool(document.get("stream"))]
    made = response(ask(gateway, instructions="Be brief.", stream=stream), stream=stream)
    assert made["output"][0]["content"][0]["text"] == "Hello there."
    assert (made["status"], made["usage"]["input_tokens"]) == ("completed", 11)
    sent = vendor.requests[0].document
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert "max_tokens" not in sent


@pytest.mark.parametrize("stream", [False, True])
def test_tools_make_the_round(gateway, vendor, stream):
    vendor.otherwise = lambda document: both(CALL)[bool(document.get("stream"))]
    [item] = response(ask(gateway, tools=[TOOL], stream=stream), stream=stream)["output"]
    assert (item["name"], json.loads(item["arguments"])) == ("look", {"at": "x"})
    back = {"type": "function_call_output", "call_id": item["call_id"], "output": "a cat"}
    ask(gateway, [{"role": "user", "content": "Hello!"}, item, back], tools=[TOOL])
    said, result = vendor.requests[-1].document["messages"][-2:]
    assert said["tool_calls"][0]["id"] == result["tool_call_id"]


def test_thinking_is_carried_by_the_client(gateway, vendor):
    thinks = make.completion(
        None, make.call("c1", "look", "{}"), finish_reason="tool_calls", reasoning_content="Hm."
    )
    vendor.otherwise = lambda document: both(thinks)[bool(document.get("stream"))]
    on = {"tools": [TOOL], "reasoning": {"effort": "high", "summary": "auto"}, "include": ENCRYPTED}
    thought, item = ask(gateway, **on).document["output"]
    assert thought["summary"][0]["text"] == "Hm."
    back = {"type": "function_call_output", "call_id": item["call_id"], "output": "a cat"}
    ask(gateway, [{"role": "user", "content": "Hello!"}, thought, item, back], **on)
    sent = vendor.requests[-1].document
    assert sent["messages"][1]["reasoning_content"] == "Hm."
    assert (sent["reasoning_effort"], sent["thinking"]) == ("high", {"type": "enabled"})


def test_image_goes_through(gateway, vendor):
    vendor.otherwise = lambda document: both(GOOD)[bool(document.get("stream"))]
    part = {"type": "input_image", "image_url": "data:image/png;base64,aGk="}
    ask(gateway, [{"role": "user", "content": [part]}])
    [sent] = vendor.requests[0].document["messages"][0]["content"]
    assert sent["image_url"]["url"] == part["image_url"]


def test_stream_that_breaks_fails(gateway, vendor):
    vendor.will(streamed(make.stream(GOOD)[:3], CLOSE))
    answer = ask(gateway, stream=True)
    assert told(answer)[-1]["type"] == "response.failed"
    assert answer.cut


def test_refusal_is_told_in_the_upstreams_words(gateway, vendor):
    vendor.will(refused(400, "invalid_request_error", "Too hot."))
    answer = ask(gateway)
    assert (answer.status, answer.error["message"]) == (400, "Too hot.")


def test_what_cannot_be_served_is_named_as_the_caller_wrote_it(gateway, vendor):
    vendor.otherwise = lambda document: both(GOOD)[bool(document.get("stream"))]
    answer = ask(gateway, reasoning={"effort": "xhigh"})
    assert "reasoning.effort: served as high" in answer.headers["x-isthmus-warnings"]


def test_call_goes_on_at_the_vendor_where_claude_fails(gateway, vendor, claude):
    claude.will(error(529, "overloaded_error"))
    vendor.otherwise = lambda document: both(GOOD)[bool(document.get("stream"))]
    answer = ask(gateway, model="both", max_output_tokens=99)
    assert answer.document["output"][0]["content"][0]["text"] == "Hello there."
    assert vendor.requests[0].document["max_tokens"] == 99
