"""The official ``anthropic`` package against a started sandbox."""

import anthropic
import pytest

MODEL = "claude-sonnet-4-6"
OPUS = "claude-opus-5-5"
TOOL = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def ask(text: str, **more) -> dict:
    return {
        "model": MODEL,
        "max_tokens": 500,
        "messages": [{"role": "user", "content": text}],
        **more,
    }


@pytest.mark.parametrize(
    "request_",
    [
        ask("Hello!"),
        ask("Hello!", model=OPUS),
        ask("Hello!", thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000),
        ask("Use get_weather.", tools=[TOOL]),
        ask("[[sandbox: tokens=30]]", max_tokens=20),
        ask("one two END three", stop_sequences=["END"]),
        ask("[[sandbox: refuse=bio tokens=5]]"),
    ],
)
def test_stream_adds_up_to_the_whole_answer(client, request_):
    whole = client.messages.create(**request_)
    with client.messages.stream(**request_) as stream:
        streamed = stream.get_final_message()
    assert streamed.model_dump(exclude={"_request_id"}) == whole.model_dump()


def test_answers_are_the_same_every_time(client):
    first, second = (client.messages.create(**ask("Hello!")) for _ in range(2))
    assert first.model_dump() == second.model_dump()


def test_tool_loop_with_thinking_goes_round(client):
    asked = ask("Use get_weather.", model=OPUS, tools=[TOOL])
    first = client.messages.create(**asked)
    assert first.stop_reason == "tool_use"
    call = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "Rain."}
    asked["messages"] = [
        *asked["messages"],
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    assert "Rain." in client.messages.create(**asked).content[-1].text


def test_parallel_calls_are_made_unless_switched_off(client):
    text = "[[sandbox: tool=get_weather tool=get_weather]]"
    assert len(client.messages.create(**ask(text, tools=[TOOL])).content) == 2
    one = {"type": "auto", "disable_parallel_tool_use": True}
    assert len(client.messages.create(**ask(text, tools=[TOOL], tool_choice=one)).content) == 1


def test_tool_without_properties_streams_no_arguments(client):
    tool = {"name": "ping", "input_schema": {"type": "object", "properties": {}}}
    asked = ask("[[sandbox: tool=ping]]", tools=[tool])
    events = list(client.messages.create(**asked, stream=True))
    assert not [e for e in events if e.type == "content_block_delta"]


def test_limits_and_stop_sequences_end_the_answer(client):
    cut = client.messages.create(**ask("[[sandbox: tokens=30]]", max_tokens=20))
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 20)
    stopped = client.messages.create(**ask("one END two", stop_sequences=["END"]))
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "END")
    assert "END" not in stopped.content[0].text


def test_edited_thinking_is_refused(client):
    thought = client.messages.create(
        **ask(
            "Use get_weather.",
            model="claude-opus-4-8",
            tools=[TOOL],
            thinking={"type": "adaptive", "display": "summarized"},
        )
    )
    content = [block.model_dump(exclude_none=True) for block in thought.content]
    content[0]["thinking"] += " Edited."
    call = content[-1]["id"]
    messages = [
        {"role": "user", "content": "Use get_weather."},
        {"role": "assistant", "content": content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call}]},
    ]
    with pytest.raises(anthropic.BadRequestError, match="signature"):
        client.messages.create(**ask("", model="claude-opus-4-8", messages=messages, tools=[TOOL]))


def test_redacted_thinking_is_taken_back(client):
    asked = ask("Use get_weather. [[sandbox: redacted]]", tools=[TOOL])
    first = client.messages.create(**asked)
    assert [block.type for block in first.content] == ["redacted_thinking", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": first.content[-1].id, "content": "Rain."}
    asked["messages"] += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    assert "Rain." in client.messages.create(**asked).content[-1].text


def test_nothing_comes_after_a_stop_sequence(client):
    text = '[[sandbox: text="one END two" tool=get_weather]]'
    stopped = client.messages.create(**ask(text, tools=[TOOL], stop_sequences=["END"]))
    assert (stopped.stop_reason, len(stopped.content)) == ("stop_sequence", 1)


def test_tools_are_called_by_their_whole_names(client):
    tool = {**TOOL, "name": "get"}
    assert client.messages.create(**ask("Forget it.", tools=[tool])).stop_reason == "end_turn"
    assert client.messages.create(**ask("Just get it.", tools=[tool])).stop_reason == "tool_use"


def test_limit_of_zero_answers_nothing(client):
    for model in (MODEL, OPUS):
        warmed = client.messages.create(**ask("Hello!", model=model) | {"max_tokens": 0})
        assert (warmed.content, warmed.stop_reason) == ([], "max_tokens")


def test_images_count_for_the_same_however_long_their_data(client):
    def counted(data: str) -> int:
        source = {"type": "base64", "media_type": "image/png", "data": data}
        content = [{"type": "image", "source": source}]
        messages = [{"role": "user", "content": content}]
        return client.messages.count_tokens(model=MODEL, messages=messages).input_tokens

    assert counted("AAAA") == counted("AAAA" * 10_000)


@pytest.mark.parametrize(
    ("directive", "raised"),
    [
        ("fail=401", anthropic.AuthenticationError),
        ("fail=429 retry_after=7", anthropic.RateLimitError),
        ("fail=529", anthropic.APIStatusError),
        ("error=0", anthropic.APIStatusError),
        ("nonsense", anthropic.BadRequestError),
    ],
)
def test_directed_errors_raise_the_real_classes(client, directive, raised):
    with pytest.raises(raised):
        client.messages.create(**ask(f"[[sandbox: {directive}]]"))


def test_broken_stream_raises(client):
    stream = client.messages.create(**ask("[[sandbox: break=3]]"), stream=True)
    with pytest.raises(Exception, match=r"peer closed connection|incomplete"):
        list(stream)


def test_tokens_are_counted_and_models_listed(client):
    counted = client.messages.count_tokens(
        model=MODEL, messages=[{"role": "user", "content": "Hello!"}]
    )
    assert counted.input_tokens == client.messages.create(**ask("Hello!")).usage.input_tokens
    assert MODEL in [model.id for model in client.models.list(limit=100)]
    haiku = client.models.retrieve("claude-haiku-4-5")
    assert (haiku.max_tokens, haiku.lifecycle, haiku.line) == (64_000, "active", "haiku")
    assert haiku.capabilities.thinking.types.enabled.supported
    assert not haiku.capabilities.effort.supported


def test_retired_models_are_gone(client):
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(**ask("Hello!", model="claude-3-haiku"))


SEARCH = {"type": "web_search_20260318", "name": "web_search"}


def test_search_streams_to_the_same_message_and_can_be_gone_on_with(client):
    asked = ask('[[sandbox: search="rain" stop=pause_turn]]', tools=[SEARCH])
    paused = client.messages.create(**asked)
    assert paused.stop_reason == "pause_turn"
    asked["messages"] = [*asked["messages"], {"role": "assistant", "content": paused.content}]
    whole = client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()
    assert streamed.model_dump(exclude={"_request_id"}) == whole.model_dump()
    assert whole.content[-1].citations[0].url.startswith("https://example.net/")
    assert whole.usage.server_tool_use.web_search_requests == 1


def test_search_that_no_tool_was_declared_for_is_told(client):
    with pytest.raises(anthropic.BadRequestError, match="no web search is declared"):
        client.messages.create(**ask('[[sandbox: search="rain"]]'))


def test_directive_cannot_call_what_the_client_could_not_answer(client):
    with pytest.raises(anthropic.BadRequestError, match="no tool 'web_search' is declared"):
        client.messages.create(**ask("[[sandbox: tool=web_search]]", tools=[SEARCH]))
