"""The scenarios of the public Open Responses specification, whole and streamed, on the sandbox."""

import json

import pytest

from factories import open_responses
from factories.client import call

MODEL = "claude-sonnet-4-6"
DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA"
    "60e6kgAAAABJRU5ErkJggg=="
)
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    },
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def said(role: str, content) -> dict:
    return {"type": "message", "role": role, "content": content}


SEEN = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": DOT}]
CALL = {"type": "function_call", "call_id": "call_1", "name": "get_weather"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "Sunny"}
SCENARIOS = {
    "text": {"input": [said("user", "Say hello in exactly 3 words.")]},
    "string": {"input": "Say hello."},
    "system prompt": {"input": [said("system", "You are a pirate."), said("user", "Say hello.")]},
    "developer prompt": {"input": [said("developer", "Be brief."), said("user", "Hello.")]},
    "image input": {"input": [said("user", SEEN)]},
    "multi-turn": {
        "input": [
            said("user", "My name is Alice."),
            said("assistant", "Hello Alice!"),
            said("user", "What is my name?"),
        ]
    },
    "tool result": {
        "input": [said("user", "Weather?"), {**CALL, "arguments": '{"location":"Rome"}'}, RESULT],
        "tools": [WEATHER],
    },
    "structured output": {
        "model": "claude-sonnet-5",
        "input": "Which city?",
        "text": {"format": {"type": "json_schema", "name": "city", "schema": CITY}},
    },
    "reasoning": {"input": "Think.", "reasoning": {"effort": "low", "summary": "auto"}},
    "penalties": {"input": "Hello.", "presence_penalty": 0.5, "frequency_penalty": 0.0},
}
TOOL_CALL = {
    "input": [said("user", '[[sandbox: tool=get_weather{"location":"Rome"}]]')],
    "tools": [WEATHER],
}


def asked(gateway, scenario: dict, *, stream: bool):
    body = json.dumps({"model": MODEL, "stream": stream, **scenario}).encode()
    answer = call(gateway, "POST", "/v1/responses", body)
    assert answer.status == 200, answer.body
    return answer


def whole(gateway, scenario: dict) -> open_responses.Resource:
    return open_responses.resource(asked(gateway, scenario, stream=False).body)


def streamed(gateway, scenario: dict) -> list[open_responses.Event]:
    answer = asked(gateway, scenario, stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = [frame for frame in answer.frames if not frame.startswith(":")]
    events = [open_responses.event(frame.partition("\ndata: ")[2]) for frame in frames]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return events


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(gateway, name):
    response = whole(gateway, SCENARIOS[name])
    assert (response.status, response.error) == ("completed", None)
    assert response.output[-1].content[0].text
    assert response.completed_at >= response.created_at
    usage = response.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_streamed(gateway, name):
    events = streamed(gateway, SCENARIOS[name])
    first, second, *_, last = events
    assert isinstance(first, open_responses.ResponseCreated)
    assert isinstance(second, open_responses.ResponseInProgress)
    assert isinstance(last, open_responses.ResponseCompleted)
    assert (first.response.status, last.response.status) == ("in_progress", "completed")
    deltas = [e.delta for e in events if isinstance(e, open_responses.ResponseOutputTextDelta)]
    assert "".join(deltas) == last.response.output[-1].content[0].text


def test_tool_call(gateway):
    response = whole(gateway, TOOL_CALL)
    (made,) = [i for i in response.output if isinstance(i, open_responses.FunctionCall)]
    assert (made.name, json.loads(made.arguments)) == ("get_weather", {"location": "Rome"})
    assert (made.status, response.status) == ("completed", "completed")
    (tool,) = response.tools
    assert (tool.description, tool.strict) == (WEATHER["description"], None)


def test_tool_call_streamed(gateway):
    events = streamed(gateway, TOOL_CALL)
    deltas = [
        e.delta for e in events if isinstance(e, open_responses.ResponseFunctionCallArgumentsDelta)
    ]
    (done,) = [e for e in events if isinstance(e, open_responses.ResponseFunctionCallArgumentsDone)]
    (item,) = [
        e.item
        for e in events
        if isinstance(e, open_responses.ResponseOutputItemDone)
        and isinstance(e.item, open_responses.FunctionCall)
    ]
    assert "".join(deltas) == done.arguments == item.arguments
    assert json.loads(item.arguments) == {"location": "Rome"}


def test_what_a_request_says_is_repeated(gateway):
    response = whole(gateway, {**SCENARIOS["structured output"], "metadata": {"a": "b"}})
    assert (response.metadata, response.service_tier) == ({"a": "b"}, "default")
    assert isinstance(response.text.format, open_responses.JsonSchemaFormat)
    assert (response.text.format.name, response.text.format.schema) == ("city", CITY)
    assert (response.text.format.description, response.text.format.strict) == (None, False)
