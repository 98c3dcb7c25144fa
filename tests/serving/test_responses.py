"""The Responses door: whole answers, streams, and how both fail."""

import json

import pytest

from factories import messages as make
from factories.client import Answer, call
from factories.fake_upstream import CLOSE, error, events, whole
from factories.gateway import Gateway, running

GOOD = make.message(make.text("Hello there."))
THOUGHT = make.message(make.thinking("Hm.", "c2lnbmVk"), make.text("Hello."))


def ask(gateway: Gateway, asked: object = "Hello!", **more) -> Answer:
    key = more.pop("key", gateway.key)
    document = {"model": "only-main", "input": asked, "max_output_tokens": 99, **more}
    body = json.dumps(document).encode()
    return call(gateway, "POST", "/v1/responses", body, authorization=f"Bearer {key}")


def told(answer: Answer) -> list[dict]:
    """Return the documents of a stream's events."""
    frames = [frame for frame in answer.frames if not frame.startswith(":")]
    return [json.loads(frame.partition("\ndata: ")[2]) for frame in frames]


def test_whole_answer(gateway, primary):
    primary.will(whole(GOOD))
    response = ask(gateway).document
    assert (response["object"], response["status"]) == ("response", "completed")
    assert response["output"][0]["content"][0]["text"] == "Hello there."
    assert response["usage"]["output_tokens"] == GOOD["usage"]["output_tokens"]
    assert response["id"].startswith("resp_")


def test_stream_ends_with_the_response_it_adds_up_to(gateway, primary):
    primary.will(events(make.stream(GOOD)))
    answer = ask(gateway, stream=True)
    documents = told(answer)
    assert [event["sequence_number"] for event in documents] == list(range(len(documents)))
    assert documents[-1]["type"] == "response.completed"
    assert documents[-1]["response"]["output"][0]["content"][0]["text"] == "Hello there."
    assert not answer.cut
    assert any(frame.startswith(": isthmus") for frame in answer.frames)


def test_stream_that_breaks_says_so_and_ends_uncleanly(gateway, primary):
    primary.will(events(make.stream(GOOD)[:5], CLOSE))
    answer = ask(gateway, stream=True)
    last = told(answer)[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["status"] == "failed"
    assert last["response"]["error"]["code"] == "server_error"
    assert answer.cut


def test_overloaded_upstream_is_left_for_another(gateway, primary, backup):
    primary.will(error(529, "overloaded_error"))
    backup.will(events(make.stream(GOOD)))
    answer = ask(gateway, stream=True)
    assert told(answer)[-1]["type"] == "response.completed"
    assert answer.headers["x-isthmus-attempts"] == "2"


def test_refusal_of_the_request_is_told_as_an_error(gateway, primary):
    primary.will(error(400, "invalid_request_error", "messages: too odd"))
    answer = ask(gateway, stream=True)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"model": "gpt-9"}, 404, None),
        ({"input": 7}, 400, "input"),
        ({"previous_response_id": "resp_1"}, 400, "previous_response_id"),
        ({"background": True}, 400, "background"),
    ],
)
def test_what_cannot_be_served_is_refused(gateway, change, status, param):
    answer = ask(gateway, **{"asked": "Hello!", **change} if "input" not in change else change)
    assert answer.status == status
    assert param is None or answer.error["param"] == param


def test_no_json_is_refused(gateway):
    answer = call(gateway, "POST", "/v1/responses", b"{")
    assert (answer.status, answer.error["code"]) == (400, "invalid_json")


def test_thinking_comes_back_sealed_and_goes_upstream_as_it_was(gateway, primary):
    primary.will(events(make.stream(THOUGHT)), events(make.stream(GOOD)))
    include = {"include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"}}
    output = ask(gateway, model="thinker", **include).document["output"]
    sealed = next(item for item in output if item["type"] == "reasoning")
    assert "c2lnbmVk" not in json.dumps(output)
    asked = [{"role": "user", "content": "Hello!"}, *output, {"role": "user", "content": "Go on."}]
    assert ask(gateway, asked, model="thinker", **include).status == 200
    back = primary.requests[1].document["messages"][1]["content"]
    assert back[0] == {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"}
    assert sealed["encrypted_content"]


def test_thinking_outlives_a_restart(tmp_path, primary):
    rest = (
        f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{primary.url}"]\n'
        'api_key = "env:UPSTREAM_KEY"\n'
    )
    more = {"model": "claude-opus-5-5", "reasoning": {"effort": "low"}}
    primary.will(events(make.stream(THOUGHT)), events(make.stream(GOOD)))
    with running(tmp_path, rest) as first:
        output = ask(first, **more).document["output"]
    with running(tmp_path, rest) as second:
        asked = [{"role": "user", "content": "Hello!"}, *output]
        ask(second, [*asked, {"role": "user", "content": "Go on."}], **more)
    assert primary.requests[1].document["messages"][1]["content"][0]["signature"] == "c2lnbmVk"


def test_rules_that_applied_are_told_if_asked_for(gateway, primary):
    primary.will(whole(GOOD))
    asked = {"model": "only-main", "input": "Hi.", "temperature": 1.5, "max_output_tokens": 9}
    body = json.dumps(asked).encode()
    answer = call(gateway, "POST", "/v1/responses", body, x_isthmus_explain="1")
    assert "temperature.clamped=temperature" in answer.headers["x-isthmus-explain"]
    assert "temperature" in answer.headers["x-isthmus-warnings"]
