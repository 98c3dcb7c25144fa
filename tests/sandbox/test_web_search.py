"""Web search: what is declared, made up, paused, and taken back."""

import copy

import pytest

from isthmus.sandbox.answer import Answer, last_text
from isthmus.sandbox.binding import bind
from isthmus.sandbox.directives import parse
from isthmus.sandbox.errors import ApiError
from isthmus.sandbox.grammar import events
from isthmus.sandbox.rules import check

SONNET = "claude-sonnet-4-6"
SEARCH = {"type": "web_search_20260318", "name": "web_search"}


def ask(directives: str = 'search="rain in Oslo"', **more) -> dict:
    said = f"Hello! [[sandbox: {directives}]]"
    return {
        "model": SONNET,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": said}],
        "tools": [SEARCH],
        **more,
    }


def answer(document: dict) -> dict:
    model = check(document, "2026-10-21")
    return Answer(bind(document, model, ""), model, parse(last_text(document))).message({})


def kinds(message: dict) -> list[str]:
    return [block["type"] for block in message["content"]]


def results(message: dict) -> list[dict]:
    found = [block for block in message["content"] if block["type"] == "web_search_tool_result"]
    return found[-1]["content"]


def hosts(message: dict) -> list[str]:
    return [found["url"].split("/")[2] for found in results(message)]


def said_again(document: dict, message: dict, *more: dict) -> dict:
    said = {"role": "assistant", "content": message["content"]}
    return {**document, "messages": [*document["messages"], said, *more]}


def broken(document: dict) -> str:
    with pytest.raises(ApiError) as caught:
        check(document, "2026-10-21")
    assert caught.value.status == 400
    return caught.value.message


def test_nothing_is_searched_unless_the_prompt_says_so():
    message = answer(ask('text="a"'))
    assert kinds(message) == ["text"]
    assert "server_tool_use" not in message["usage"]


def test_search_is_a_call_its_result_and_cited_texts():
    message = answer(ask())
    call, result, said, *cited = message["content"]
    assert (call["name"], call["input"]) == ("web_search", {"query": "rain in Oslo"})
    assert call["id"].startswith("srvtoolu_")
    assert result["tool_use_id"] == call["id"]
    assert "citations" not in said
    assert [text["citations"][0]["url"] for text in cited] == [r["url"] for r in result["content"]]
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 1
    assert message["stop_reason"] == "end_turn"


def test_prescribed_text_is_said_exactly_and_has_all_citations():
    text = answer(ask('search="a" text="exactly"'))["content"][-1]
    assert text["text"] == "exactly"
    assert len(text["citations"]) == 3


def test_answer_in_a_format_has_no_citations():
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    output = {"format": {"type": "json_schema", "schema": schema}}
    assert answer(ask(output_config=output))["content"][-1] == {"type": "text", "text": "{}"}


def test_searches_are_made_one_after_the_other_up_to_the_limit():
    message = answer(ask('search="a" search="b"', tools=[{**SEARCH, "max_uses": 1}]))
    assert kinds(message)[:4] == ["server_tool_use", "web_search_tool_result"] * 2
    assert results(message)["error_code"] == "max_uses_exceeded"
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 1
    assert check(said_again(ask(), message, {"role": "user", "content": "b"}), "2026-10-21")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["example.com", "example.org", "example.net"]),
        ({"allowed_domains": ["docs.example.edu/guide"]}, ["docs.example.edu"]),
        ({"blocked_domains": ["example.org"]}, ["example.com", "example.net"]),
        ({"blocked_domains": ["example.com", "example.net/*"]}, ["example.org"]),
        ({"blocked_domains": ["example.com/b", "org"]}, ["example.com", "example.net"]),
    ],
)  # fmt: skip
def test_results_keep_to_the_domains(filters, expected):
    assert hosts(answer(ask(tools=[{**SEARCH, **filters}]))) == expected


def test_call_that_has_no_room_is_not_made():
    message = answer(ask(max_tokens=2))
    assert (kinds(message), message["stop_reason"]) == ([], "max_tokens")


def test_stream_tells_queries_and_citations_as_deltas():
    told = list(events(answer(ask())))
    deltas = {event["delta"]["type"] for event in told if event["type"] == "content_block_delta"}
    begun = [event["content_block"] for event in told if event["type"] == "content_block_start"]
    assert deltas == {"input_json_delta", "text_delta", "citations_delta"}
    assert (begun[0]["input"], begun[-1]["citations"]) == ({}, [])
    assert "server_tool_use" not in told[0]["message"]["usage"]
    assert told[-2]["usage"]["server_tool_use"]["web_search_requests"] == 1


# Pauses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [SONNET, "claude-opus-5-5", "claude-haiku-4-5"])
def test_paused_turn_goes_on_where_it_stopped(model):
    asked = ask('search="a" search="b" stop=pause_turn', model=model)
    paused = answer(asked)
    assert (kinds(paused)[-1], paused["stop_reason"]) == ("server_tool_use", "pause_turn")
    assert "server_tool_use" not in paused["usage"]
    resumed = answer(said_again(asked, paused))
    assert resumed["content"][0]["tool_use_id"] == paused["content"][-1]["id"]
    assert kinds(resumed)[:3] == [
        "web_search_tool_result", "server_tool_use", "web_search_tool_result"
    ]  # fmt: skip
    assert resumed["stop_reason"] == "end_turn"
    whole = {"role": "assistant", "content": paused["content"] + resumed["content"]}
    following = {"role": "user", "content": "b"}
    assert answer({**asked, "messages": [*asked["messages"], whole, following]})


def test_paused_turn_cannot_be_edited():
    asked = ask('search="a" stop=pause_turn')
    paused = copy.deepcopy(answer(asked))
    paused["content"][-1]["input"]["query"] = "b"
    assert "Invalid `id` in `server_tool_use` block" in broken(said_again(asked, paused))


def test_paused_turn_needs_the_tool_it_waits_for():
    asked = ask('search="a" stop=pause_turn')
    again = said_again(asked, answer(asked))
    assert "`web_search` must be provided" in broken({**again, "tools": []})


def test_search_without_its_result_is_refused_where_the_conversation_goes_on():
    asked = ask('search="a" stop=pause_turn')
    again = said_again(asked, answer(asked), {"role": "user", "content": "b"})
    assert "without a corresponding `web_search_tool_result` block" in broken(again)


# What comes back ----------------------------------------------------------------------------------


def changed(message: dict, change: str) -> dict:
    message = copy.deepcopy(message)
    call, result, _, cited = message["content"][:4]
    match change:
        case "result":
            result["content"][0]["encrypted_content"] = "edited"
        case "citation":
            cited["citations"][0]["encrypted_index"] = "edited"
        case "result without its call":
            message["content"].remove(call)
        case "call twice":
            message["content"].insert(1, call)
        case "another tool":
            call["name"] = "web_fetch"
    return message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("result", "Invalid `encrypted_content`"),
        ("citation", "Invalid `encrypted_index`"),
        ("result without its call", "unexpected `tool_use_id`"),
        ("call twice", "must be unique"),
        ("another tool", "Input should be 'web_search'"),
    ],
)
def test_search_comes_back_as_it_was_or_is_refused(change, words):
    message, following = answer(ask()), {"role": "user", "content": "b"}
    assert check(said_again(ask(), message, following), "2026-10-21")
    assert words in broken(said_again(ask(), changed(message, change), following))


def test_system_message_may_follow_the_result_of_a_search():
    asked = ask(model="claude-opus-5")
    message = answer(asked)
    message["content"] = message["content"][:-4]
    assert kinds(message)[-1] == "web_search_tool_result"
    assert check(said_again(asked, message, {"role": "system", "content": "b"}), "2026-10-21")


# Declarations -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        {"type": "web_search_20260209", "name": "web_search", "strict": True},
        {**SEARCH, "response_inclusion": "excluded", "allowed_domains": ["a.example/b/*"]},
        {**SEARCH, "user_location": {"type": "approximate", "city": "Oslo", "country": "NO"}},
        {**SEARCH, "user_location": None, "max_uses": None, "blocked_domains": None},
        {"type": "web_fetch_20260318", "name": "web_fetch", "use_cache": False},
        {"type": "code_execution_20260521", "name": "code_execution"},
        {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"},
        {"type": "bash_20250124", "name": "bash"},
    ],
)
def test_listed_tools_may_be_declared_and_are_not_called(tool):
    choice = {"type": "any"}
    assert kinds(answer(ask('text="a"', tools=[tool], tool_choice=choice))) == ["text"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "web_search_20990101"}, "Input tag 'web_search_20990101' found using 'type'"),
        ({"name": "search"}, "tools.0.name: Input should be 'web_search'"),
        ({"input_schema": {}}, "Extra inputs"),
        ({"max_uses": 0}, "greater than 0"),
        ({"max_uses": "1"}, "tools.0.max_uses"),
        ({"allowed_domains": ["a.b"], "blocked_domains": ["c.d"]}, "Only one of"),
        ({"allowed_domains": ["https://a.b"]}, "tools.0.allowed_domains.0"),
        ({"user_location": {"city": "Oslo"}}, "Input should be 'approximate'"),
        ({"user_location": {"type": "approximate", "country": "Norway"}}, "two-letter"),
        ({"response_inclusion": "half"}, "tools.0.response_inclusion"),
        ({"type": "web_search_20250305", "response_inclusion": "full"}, "Extra inputs"),
    ],
)
def test_declaration_that_upstream_would_refuse_is_refused(change, words):
    assert words in broken(ask(tools=[{**SEARCH, **change}]))
