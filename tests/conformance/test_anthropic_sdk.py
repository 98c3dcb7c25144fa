"""The official Anthropic client through the gateway, on the sandbox."""

from collections.abc import Generator

import anthropic
import pytest

from factories.gateway import Gateway

MODEL = "claude-sonnet-4-6"
TOOL = {
    "name": "weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture
def messages(gateway: Gateway) -> Generator[anthropic.Anthropic]:
    base_url = gateway.base_url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=base_url, api_key=gateway.key, max_retries=0) as made:
        yield made


def asked(text: str, **more) -> dict:
    return {
        "model": MODEL,
        "max_tokens": 200,
        "messages": [{"role": "user", "content": text}],
        **more,
    }


def test_message(messages):
    answer = messages.messages.create(**asked("Hello!"))
    assert answer.type == "message"
    assert answer.content[0].text
    assert answer.usage.input_tokens > 0
    assert answer._request_id.startswith("req_")


def test_stream(messages):
    with messages.messages.stream(**asked("Hello!")) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert final.content[0].text == text
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 0


def test_tools(messages):
    said = '[[sandbox: tool=weather{"city":"Rome"}]]'
    answer = messages.messages.create(**asked(said, tools=[TOOL]))
    (call,) = [block for block in answer.content if block.type == "tool_use"]
    assert (answer.stop_reason, call.name, call.input) == ("tool_use", "weather", {"city": "Rome"})


def test_thinking(messages):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = messages.messages.create(**asked("Hello!", max_tokens=2048, thinking=thinking))
    assert answer.content[0].type == "thinking"
    assert answer.content[0].signature


def test_count_tokens(messages):
    question = asked("Hello!")
    del question["max_tokens"]
    assert messages.messages.count_tokens(**question).input_tokens > 0


def test_models(messages):
    assert MODEL in [model.id for model in messages.models.list(limit=1000)]
    assert messages.models.retrieve(MODEL).type == "model"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": "claude-of-nobody-9"}, anthropic.NotFoundError),
        ({"messages": []}, anthropic.BadRequestError),
    ],
)
def test_errors(messages, change, error):
    with pytest.raises(error) as raised:
        messages.messages.create(**{**asked("Hello!"), **change})
    assert raised.value.body["type"] == "error"


def test_wrong_key(gateway):
    base_url = gateway.base_url.removesuffix("/v1")
    client = anthropic.Anthropic(base_url=base_url, api_key="wrong", max_retries=0)
    with client, pytest.raises(anthropic.AuthenticationError):
        client.messages.create(**asked("Hello!"))
