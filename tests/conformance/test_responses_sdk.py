"""The official OpenAI client's Responses through the gateway, on the sandbox."""

import pytest
from pydantic import BaseModel

MODEL = "claude-sonnet-4-6"
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}


def test_text(client):
    response = client.responses.create(model=MODEL, input="Hello!", instructions="Be brief.")
    assert response.status == "completed"
    assert response.output_text
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_stream(client):
    with client.responses.stream(model=MODEL, input="Hello!") as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text


async def all_of(stream) -> list:
    return [event async for event in stream]


@pytest.mark.anyio
async def test_stream_of_the_asynchronous_client(async_client):
    stream = await async_client.responses.create(model=MODEL, input="Hello!", stream=True)
    assert (await all_of(stream))[-1].type == "response.completed"


def test_tool_loop(client):
    asked = [{"role": "user", "content": '[[sandbox: tool=weather{"city":"Rome"}]]'}]
    response = client.responses.create(model=MODEL, input=asked, tools=[TOOL])
    (made,) = [item for item in response.output if item.type == "function_call"]
    assert (made.name, made.arguments) == ("weather", '{"city":"Rome"}')
    asked += [item.model_dump(exclude_none=True) for item in response.output]
    asked.append({"type": "function_call_output", "call_id": made.call_id, "output": "Sunny."})
    assert "Sunny." in client.responses.create(model=MODEL, input=asked, tools=[TOOL]).output_text


class City(BaseModel):
    name: str
    people: int


def test_parse(client):
    response = client.responses.parse(model="claude-sonnet-5", input="Rome?", text_format=City)
    assert isinstance(response.output_parsed, City)


def test_image(client):
    dot = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
        "rkJggg=="
    )
    parts = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{dot}", "detail": "auto"},
    ]
    asked = [{"role": "user", "content": parts}]
    assert client.responses.create(model=MODEL, input=asked).status == "completed"


def test_thinking_goes_back_sealed(client):
    more = {"model": MODEL, "reasoning": {"effort": "low", "summary": "auto"}}
    first = client.responses.create(input="Hello!", include=["reasoning.encrypted_content"], **more)
    (thought,) = [item for item in first.output if item.type == "reasoning"]
    assert thought.encrypted_content
    asked = [{"role": "user", "content": "Hello!"}]
    asked += [item.model_dump(exclude_none=True) for item in first.output]
    asked.append({"role": "user", "content": "Go on."})
    assert client.responses.create(input=asked, **more).status == "completed"
