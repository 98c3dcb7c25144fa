"""Turns that take several calls upstream, and thinking that clients do not bring back."""

import json

import pytest

from factories import messages as make
from factories.chat import fold
from factories.client import HELLO, Answer, ask, stream
from factories.fake_upstream import RESET, Script, error, events, whole
from factories.gateway import Gateway

SEARCH = {**make.tool_use("srvtoolu_1", "web_search", {"q": 1}), "type": "server_tool_use"}
PAUSED = make.message(make.text("Let me look."), SEARCH, stop_reason="pause_turn")
FOUND = make.message(make.text("Here it is."), id="msg_02")
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("a", "b")]
ONLY_A = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "a"}}]},
}


def streaming(answer: dict) -> Script:
    return events(make.stream(answer))


def message_of(answer: Answer) -> dict:
    completion = fold(answer.data) if answer.frames[0].startswith("data:") else answer.document
    return completion["choices"][0]["message"]


@pytest.mark.parametrize("streams", [True, False])
def test_paused_turn_is_continued_and_told_as_one_answer(gateway, primary, streams):
    primary.will(streaming(PAUSED), streaming(FOUND))
    answer = ask(gateway, {**HELLO, "stream": streams, "max_tokens": 9999}, x_isthmus_strict="1")
    assert (answer.status, answer.cut) == (200, False)
    assert message_of(answer)["content"] == "Let me look.\n\nHere it is."
    _, second = primary.requests
    assert second.document["messages"][-1] == {"role": "assistant", "content": PAUSED["content"]}


def test_usage_of_a_streamed_turn_is_that_of_all_its_calls(gateway, primary):
    primary.will(streaming(PAUSED), streaming(FOUND))
    answer = stream(gateway, stream_options={"include_usage": True})
    assert answer.data[-1]["usage"]["total_tokens"] == 36


def test_short_paused_turn_is_continued_too(gateway, primary):
    primary.will(whole(PAUSED), whole(FOUND))
    answer = ask(gateway, {**HELLO, "max_tokens": 10})
    assert message_of(answer)["content"] == "Let me look.\n\nHere it is."
    assert answer.document["usage"]["completion_tokens"] == 14
    assert answer.document["id"] == "chatcmpl-01"
    assert answer.headers["x-isthmus-attempts"] == "2"


def test_turn_that_fails_half_way_is_no_answer(gateway, primary):
    primary.will(streaming(PAUSED), [RESET])
    answer = stream(gateway)
    assert (answer.done, answer.cut) == (False, True)
    assert "error" in answer.data[-1]


@pytest.mark.parametrize("streams", [True, False])
def test_call_that_is_not_allowed_is_sent_back(gateway, primary, streams):
    wrong = make.message(make.tool_use("toolu_1", "b", {}), stop_reason="tool_use")
    right = make.message(make.tool_use("toolu_2", "a", {}), stop_reason="tool_use")
    primary.will(streaming(wrong), streaming(right))
    asked = {**HELLO, "model": "thinker", "tools": TOOLS, "tool_choice": ONLY_A}
    message = message_of(ask(gateway, {**asked, "stream": streams}))
    assert [call["id"] for call in message["tool_calls"]] == ["toolu_2"]
    (result,) = primary.requests[1].document["messages"][-1]["content"]
    assert (result["type"], result["tool_use_id"]) == ("tool_result", "toolu_1")


INVALID = error(
    400, "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block"
)
DETAILS = [
    {
        "type": "reasoning.text",
        "id": "block-0",
        "format": "anthropic-claude-v1",
        "index": 0,
        "text": "hm",
        "signature": "edited",
    }
]
WITH_DETAILS = [
    *HELLO["messages"],
    {"role": "assistant", "content": "Hi.", "reasoning_details": DETAILS},
    {"role": "user", "content": "And now?"},
]


@pytest.mark.parametrize("streams", [True, False])
def test_thinking_that_upstream_refuses_is_left_out_once(gateway, primary, streams):
    primary.will(INVALID, streaming(FOUND))
    answer = ask(gateway, {"model": "thinker", "messages": WITH_DETAILS, "stream": streams})
    assert message_of(answer)["content"] == "Here it is."
    first, second = primary.requests
    assert first.document["messages"][1]["content"][0]["type"] == "thinking"
    assert first.headers["anthropic-beta"] == "thinking-binding-controls-2026-08-01"
    assert second.document["messages"][1]["content"] == [{"type": "text", "text": "Hi."}]
    assert "note: messages: asked again without" in answer.headers["x-isthmus-warnings"]


def test_second_refusal_is_final(gateway, primary):
    primary.will(INVALID, INVALID)
    answer = ask(gateway, {"model": "thinker", "messages": WITH_DETAILS})
    assert answer.status == 400
    assert len(primary.requests) == 2


def test_thoughts_that_upstream_dropped_are_told(gateway, primary):
    dropped = {"type": "thinking_dropped", "path": "messages.1.content.0"}
    primary.will(streaming({**FOUND, "input_transformations": [dropped]}))
    answer = stream(gateway)
    assert "1 thoughts" in answer.headers["x-isthmus-warnings"]
    assert '"thinking.dropped_upstream"' in answer.comments[-1]


def test_text_that_should_have_been_an_object_is_told(gateway, primary):
    asked = {**HELLO, "response_format": {"type": "json_object"}, "max_tokens": 10}
    primary.will(whole(FOUND), whole(make.message(make.text('```json\n{"a": 1}\n```'))))
    missed, met = ask(gateway, asked), ask(gateway, asked)
    assert "no JSON object" in missed.headers["x-isthmus-warnings"]
    assert message_of(met)["content"] == '{"a": 1}'
    assert "x-isthmus-warnings" not in met.headers


THOUGHT = make.message(
    make.thinking("hm", "c2ln"),
    make.text("Calling."),
    make.tool_use("toolu_1", "a", {"x": 1.50}),
    stop_reason="tool_use",
)


def answered(gateway: Gateway, *, streams: bool, **headers: str) -> list[dict]:
    """Ask once, and return the history as a client that knows nothing of thinking keeps it."""
    asked = [{"role": "user", "content": f"Once, {streams}."}]
    document = {"model": "thinker", "messages": asked, "tools": TOOLS, "stream": streams}
    message = message_of(ask(gateway, document, **headers))
    plain = {"role": "assistant", "content": message["content"]}
    calls = [
        {"id": c["id"], "type": "function", "function": c["function"]}
        for c in message["tool_calls"]
    ]
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "done"}
    return [*asked, {**plain, "tool_calls": calls}, result]


@pytest.mark.parametrize("streams", [True, False])
def test_thinking_that_a_client_does_not_bring_back_is_remembered(gateway, primary, streams):
    primary.will(streaming(THOUGHT), streaming(FOUND))
    history = answered(gateway, streams=streams)
    ask(gateway, {"model": "thinker", "messages": history, "tools": TOOLS})
    assert primary.requests[1].document["messages"][1]["content"] == THOUGHT["content"]


def test_other_history_gets_no_thinking(gateway, primary):
    primary.will(streaming(THOUGHT), streaming(FOUND))
    history = answered(gateway, streams=True)
    history[0]["content"] = "Twice."
    ask(gateway, {"model": "thinker", "messages": history, "tools": TOOLS})
    content = primary.requests[1].document["messages"][1]["content"]
    assert [block["type"] for block in content] == ["text", "tool_use"]


def test_broken_answer_is_not_remembered(gateway, primary):
    broken = events(make.stream(THOUGHT)[:-2], RESET)
    primary.will(broken, streaming(FOUND))
    stream(gateway, model="thinker", tools=TOOLS)
    plain = {"role": "assistant", "content": "Calling."}
    messages = [*HELLO["messages"], plain, {"role": "user", "content": "Go on."}]
    ask(gateway, {"model": "thinker", "messages": messages})
    assert json.dumps(primary.requests[1].document).count("thinking") == 1  # the parameter
