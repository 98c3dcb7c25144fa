"""Stored responses: going on from one, looking at it, forgetting it."""

import json
from collections.abc import Generator

import openai
import pytest

from factories import messages as make
from factories.client import Answer, call
from factories.fake_upstream import CLOSE, FakeUpstream, events, whole
from factories.gateway import Gateway, running, upstream_table

GOOD = make.message(make.text("Hello there."))
CALLS = make.message(make.tool_use("toolu_1", "look", {"at": "x"}), stop_reason="tool_use")
THOUGHT = make.message(make.thinking("Hm.", "c2lnbmVk"), make.text("Hello."))
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
ASKED = {"model": "claude-sonnet-4-6", "max_output_tokens": 99}
MORE = '[responses]\nstore = true\n\n[keys.other]\nsecret = "env:OTHER_CALLER"\n'
OTHER = "another-key-012345678"


@pytest.fixture(scope="module")
def upstream() -> Generator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, upstream) -> Generator[Gateway]:
    rest = upstream_table("main", upstream.url) + MORE
    folder = tmp_path_factory.mktemp("stored")
    with running(folder, rest, OTHER_CALLER=OTHER) as started:
        yield started


@pytest.fixture
def client(gateway) -> Generator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0) as made:
        yield made


def ask(gateway, asked: object = "Hello!", **more) -> Answer:
    body = json.dumps({**ASKED, "input": asked, **more}).encode()
    return call(gateway, "POST", "/v1/responses", body)


def at(gateway, method: str, rest: str, **headers: str) -> Answer:
    return call(gateway, method, f"/v1/responses/{rest}", **headers)


def made(gateway, upstream, answer: dict = GOOD, **more) -> dict:
    upstream.will(whole(answer))
    return ask(gateway, **more).document


def test_response_is_shown_as_it_was_told(gateway, upstream):
    told = made(gateway, upstream)
    assert told["store"] is True
    assert at(gateway, "GET", told["id"]).document == told


def test_streamed_response_is_kept_as_it_ended(gateway, upstream):
    upstream.will(events(make.stream(GOOD)))
    frames = ask(gateway, stream=True).frames
    last = json.loads(frames[-1].partition("\ndata: ")[2])["response"]
    assert at(gateway, "GET", last["id"]).document == last


def test_stream_that_failed_is_kept_as_failed(gateway, upstream):
    upstream.will(events(make.stream(GOOD)[:5], CLOSE))
    frames = ask(gateway, stream=True).frames
    last = json.loads(frames[-1].partition("\ndata: ")[2])["response"]
    assert at(gateway, "GET", last["id"]).document["status"] == "failed"


def test_response_that_is_not_to_be_stored_is_not(gateway, upstream):
    told = made(gateway, upstream, store=False)
    assert told["store"] is False
    assert at(gateway, "GET", told["id"]).status == 404


def test_next_response_goes_on_from_the_one_before(gateway, upstream):
    first = made(gateway, upstream, instructions="Be brief.")
    upstream.will(whole(GOOD))
    second = ask(gateway, "And now?", previous_response_id=first["id"]).document
    assert second["previous_response_id"] == first["id"]
    sent = upstream.requests[0].document
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][1]["content"][0]["text"] == "Hello there."
    assert "system" not in sent


def test_tool_is_answered_by_its_output_alone(gateway, upstream):
    first = made(gateway, upstream, CALLS, tools=[TOOL])
    output = {"type": "function_call_output", "call_id": "toolu_1", "output": "a cat"}
    upstream.will(whole(GOOD))
    second = ask(gateway, [output], previous_response_id=first["id"], tools=[TOOL]).document
    upstream.will(whole(GOOD))
    ask(gateway, "Thanks.", previous_response_id=second["id"], tools=[TOOL])
    turns = upstream.requests[0].document["messages"]
    assert turns[1]["content"][0]["input"] == {"at": "x"}
    assert turns[2]["content"][0]["tool_use_id"] == "toolu_1"
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]


def test_thinking_is_kept_along_the_chain(gateway, upstream):
    upstream.will(events(make.stream(THOUGHT)))
    reasoning = {"effort": "high"}
    first = ask(gateway, reasoning=reasoning).document
    upstream.will(events(make.stream(GOOD)))
    ask(gateway, "Go on.", previous_response_id=first["id"], reasoning=reasoning)
    thought = upstream.requests[0].document["messages"][1]["content"][0]
    assert (thought["thinking"], thought["signature"]) == ("Hm.", "c2lnbmVk")


def test_unknown_response_cannot_be_gone_on_from(gateway):
    answer = ask(gateway, previous_response_id="resp_nothing")
    assert (answer.status, answer.error["code"]) == (400, "previous_response_not_found")
    assert answer.error["param"] == "previous_response_id"


@pytest.mark.parametrize(
    ("method", "rest"), [("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")]
)
def test_responses_of_other_keys_are_like_any_that_never_were(gateway, upstream, method, rest):
    name = made(gateway, upstream)["id"]
    theirs = at(gateway, method, name + rest, authorization=f"Bearer {OTHER}")
    nothing = at(gateway, method, f"resp_x{rest}")
    assert (theirs.status, nothing.status) == (404, 404)
    assert theirs.document == json.loads(nothing.body.replace(b"resp_x", name.encode()))
    assert at(gateway, method, name + rest, authorization="").status == 401


def test_forgotten_response_is_gone(gateway, upstream):
    name = made(gateway, upstream)["id"]
    assert at(gateway, "DELETE", name).document["deleted"] is True
    assert at(gateway, "GET", name).status == 404
    assert ask(gateway, previous_response_id=name).status == 400


def test_items_are_listed_page_by_page(gateway, upstream, client):
    given = [{"role": "user", "content": f"Part {n}."} for n in range(5)]
    name = made(gateway, upstream, asked=given)["id"]
    listed = list(client.responses.input_items.list(name, limit=2, order="asc"))
    assert [item.content[0].text for item in listed] == [f"Part {n}." for n in range(5)]
    newest = at(gateway, "GET", f"{name}/input_items?limit=1").document
    assert (newest["data"][0]["id"], newest["has_more"]) == (listed[-1].id, True)


@pytest.mark.parametrize(
    ("query", "param"), [("limit=0", "limit"), ("after=nothing", "after"), ("order=up", "order")]
)
def test_wrong_page_is_refused_by_name(gateway, upstream, query, param):
    name = made(gateway, upstream)["id"]
    assert at(gateway, "GET", f"{name}/input_items?{query}").error["param"] == param


def test_what_has_ended_cannot_be_cancelled_nor_streamed_again(gateway, upstream, client):
    name = made(gateway, upstream)["id"]
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.cancel(name)
    assert at(gateway, "GET", f"{name}?stream=true").error["param"] == "stream"


def test_official_client_goes_on_and_forgets(gateway, upstream, client):
    upstream.otherwise = lambda document: whole(GOOD)
    upstream.will()
    first = client.responses.create(input="Hello!", **ASKED)
    second = client.responses.create(input="More.", previous_response_id=first.id, **ASKED)
    assert client.responses.retrieve(second.id).output_text == "Hello there."
    client.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(second.id)
    upstream.otherwise = None


def test_input_is_counted_by_the_upstream(gateway, upstream, client):
    upstream.will(whole({"input_tokens": 42}))
    told = client.responses.input_tokens.count(model="claude-sonnet-4-6", input="Hello!")
    assert told.input_tokens == 42
    sent = upstream.requests[0]
    assert sent.path == "POST /v1/messages/count_tokens HTTP/1.1"
    assert "max_tokens" not in sent.document


def test_without_a_store_nothing_is_there(tmp_path, upstream):
    with running(tmp_path, upstream_table("main", upstream.url)) as started:
        told = made(started, upstream)
        assert told["store"] is False
        assert "[responses] store" in at(started, "GET", told["id"]).error["message"]
        refused = ask(started, previous_response_id=told["id"])
        assert (refused.status, refused.error["param"]) == (400, "previous_response_id")
