"""The official clients on a model of another vendor."""

from collections.abc import Generator

import anthropic
import openai
import pytest
from pydantic import BaseModel

from factories import completions as make
from factories.fake_chat import FakeChat, both, refused, table
from factories.gateway import Gateway, running

MODEL = '[models.m-1]\ntargets = [{ upstream = "vendor", model = "vendor-1" }]\n'
HELLO = {"model": "m-1", "messages": [{"role": "user", "content": "Hello!"}]}
CALL = make.completion(None, make.call("c1", "look", '{"at":"x"}'), finish_reason="tool_calls")
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}


class City(BaseModel):
    name: str


@pytest.fixture(scope="module")
def vendor() -> Generator[FakeChat]:
    with FakeChat() as fake:
        yield fake


@pytest.fixture(scope="module")
def other(tmp_path_factory, vendor) -> Generator[Gateway]:
    rest = table("vendor", vendor.url) + MODEL
    with running(tmp_path_factory.mktemp("other"), rest) as started:
        yield started


@pytest.fixture
def claude(other) -> Generator[anthropic.Anthropic]:
    url = other.base_url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=url, api_key=other.key, max_retries=1) as made:
        yield made


@pytest.fixture
def chat(other) -> Generator[openai.OpenAI]:
    with openai.OpenAI(base_url=other.base_url, api_key=other.key, max_retries=1) as made:
        yield made


def will(vendor: FakeChat, answer: dict) -> None:
    vendor.will()
    vendor.otherwise = lambda document: both(answer)[bool(document.get("stream"))]


def test_message(claude, vendor):
    will(vendor, make.completion("Hello there."))
    message = claude.messages.create(max_tokens=99, **HELLO)
    assert (message.content[0].text, message.usage.output_tokens) == ("Hello there.", 7)


def test_streamed_message_with_a_call(claude, vendor):
    will(vendor, CALL)
    with claude.messages.stream(max_tokens=99, tools=[TOOL], **HELLO) as stream:
        message = stream.get_final_message()
    assert (message.stop_reason, message.content[0].input) == ("tool_use", {"at": "x"})


def test_message_of_a_form(claude, vendor):
    will(vendor, make.completion('{"name":"Paris"}'))
    parsed = claude.messages.parse(max_tokens=99, output_format=City, **HELLO)
    assert parsed.parsed_output == City(name="Paris")
    assert vendor.requests[0].document["response_format"]["type"] == "json_schema"


def test_overload_is_tried_again_and_then_told(claude, vendor):
    vendor.will(*[refused(503, "server_error", retry_after="0")] * 8)
    with pytest.raises(anthropic.APIStatusError) as raised:
        claude.messages.create(max_tokens=99, **HELLO)
    assert raised.value.status_code == 529


def test_completion(chat, vendor):
    will(vendor, make.completion("Hello there."))
    answer = chat.chat.completions.create(**HELLO, n=1, seed=7, logprobs=True)
    assert answer.choices[0].message.content == "Hello there."
    assert vendor.requests[0].document["seed"] == 7


def test_streamed_completion_with_a_call(chat, vendor):
    will(vendor, CALL)
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}, "strict": False}}]
    with chat.chat.completions.stream(tools=tools, **HELLO) as stream:
        answer = stream.get_final_completion()
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"at":"x"}'


def test_response(chat, vendor):
    will(vendor, make.completion("Hello there."))
    assert chat.responses.create(model="m-1", input="Hello!").output_text == "Hello there."


def test_streamed_response_of_a_form(chat, vendor):
    will(vendor, make.completion('{"name":"Paris"}'))
    with chat.responses.stream(model="m-1", input="Hello!", text_format=City) as stream:
        assert stream.get_final_response().output_parsed == City(name="Paris")
