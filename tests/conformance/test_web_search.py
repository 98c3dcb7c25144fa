"""Searches of the web, by the official ``openai`` package, where the operator allows them."""

import openai
import pytest

from factories.gateway import running

ALLOWED = '[upstreams.box]\nkind = "sandbox"\n\n[translation]\nweb_search = true\n'
SEARCH = {
    "model": "claude-opus-5",
    "messages": [{"role": "user", "content": 'Look it up. [[sandbox: search="isthmus"]]'}],
    "extra_body": {"web_search_options": {}},
}
PAUSING = 'Look it up. [[sandbox: search="isthmus" stop=pause_turn]]'


@pytest.fixture(scope="module")
def searching(tmp_path_factory):
    with running(tmp_path_factory.mktemp("searching"), ALLOWED) as gateway:
        yield gateway


@pytest.fixture
def client(searching):
    with openai.OpenAI(base_url=searching.base_url, api_key=searching.key, max_retries=0) as made:
        yield made


def check(text: str, annotations: list) -> None:
    assert annotations
    for annotation in annotations:
        cited = annotation["url_citation"]
        assert cited["url"].startswith("https://")
        assert text[cited["start_index"] : cited["end_index"]].strip()


def test_answer_cites_what_was_found(client):
    message = client.chat.completions.create(**SEARCH).choices[0].message
    assert message.tool_calls is None
    check(message.content, [note.model_dump() for note in message.annotations])


def test_streamed_answer_cites_it_too(client):
    deltas = [c.choices[0].delta for c in client.chat.completions.create(**SEARCH, stream=True)]
    text = "".join(delta.content or "" for delta in deltas)
    notes = [note for delta in deltas for note in (delta.model_extra or {}).get("annotations", [])]
    check(text, notes)


@pytest.mark.parametrize("streams", [True, False])
def test_search_that_takes_long_is_waited_for(client, streams):
    messages = [{"role": "user", "content": PAUSING}]
    asked = {**SEARCH, "messages": messages, "stream": streams}
    answer = client.chat.completions.create(**asked)
    choices = [chunk.choices[0] for chunk in answer] if streams else answer.choices
    assert choices[-1].finish_reason == "stop"
    said = [choice.delta.content if streams else choice.message.content for choice in choices]
    assert "".join(filter(None, said))


def test_conversation_goes_on_after_a_search(client):
    message = client.chat.completions.create(**SEARCH).choices[0].message
    history = [*SEARCH["messages"], {"role": "assistant", "content": message.content}]
    follow_up = {"role": "user", "content": "Thanks."}
    raw = client.chat.completions.with_raw_response.create(
        **{**SEARCH, "messages": [*history, follow_up]}
    )
    assert raw.parse().choices[0].message.content


def test_search_is_refused_where_it_is_not_allowed(gateway):
    client = openai.OpenAI(base_url=gateway.base_url, api_key=gateway.key, max_retries=0)
    with client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**SEARCH)
    assert caught.value.param == "web_search_options"
