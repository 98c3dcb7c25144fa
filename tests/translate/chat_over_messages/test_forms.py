"""Whatever form a client wants its answer in, streams and whole answers say the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import messages as make
from factories.chat import as_values, fold
from isthmus.errors import UpstreamBroken
from isthmus.translate.chat_over_messages.response import response
from isthmus.translate.chat_over_messages.stream import ChatStream
from isthmus.translate.to_messages.form import AnswerForm, Forced
from isthmus.translate.to_messages.json_object import Unfencing, is_object, unfenced

ONE = AnswerForm(forced=Forced("f"))
ANY = AnswerForm(forced=Forced(None))
CUSTOM = AnswerForm(custom_tools=frozenset({"sh"}))
LEGACY = AnswerForm(legacy=True)
OBJECT = AnswerForm(json_object=True)
ARGUMENTS = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=3)


def streamed(answer: dict, form: AnswerForm, pieces: int = 3) -> list[dict]:
    translator = ChatStream(model="m", created=1, include_usage=True, form=form)
    chunks = [chunk for event in make.stream(answer, pieces) for chunk in translator.feed(event)]
    assert translator.complete
    return json.loads(json.dumps(chunks + translator.finish()))


def both(answer: dict, form: AnswerForm, pieces: int = 3) -> tuple[dict, dict]:
    whole = response(answer, model="m", created=1, form=form)
    return fold(streamed(answer, form, pieces)), json.loads(json.dumps(whole))


def message_of(completion: dict) -> dict:
    return completion["choices"][0]["message"]


@given(ARGUMENTS, st.integers(1, 5))
def test_text_that_follows_the_schema_is_told_as_the_call_it_stands_for(arguments, pieces):
    answer = make.message(make.thinking("hm"), make.text(json.dumps(arguments)))
    from_stream, whole = both(answer, ONE, pieces)
    assert as_values(from_stream) == as_values(whole)
    (call,) = message_of(whole)["tool_calls"]
    assert (call["id"], call["function"]["name"]) == ("toolu_01", "f")
    assert json.loads(call["function"]["arguments"]) == arguments
    assert message_of(whole)["content"] is None
    assert whole["choices"][0]["finish_reason"] == "tool_calls"


@given(ARGUMENTS, st.integers(1, 5))
def test_text_that_names_the_tool_itself_is_told_as_its_call(arguments, pieces):
    answer = make.message(make.text(json.dumps({"name": "g", "arguments": arguments})))
    from_stream, whole = both(answer, ANY, pieces)
    assert as_values(from_stream) == as_values(whole)
    assert message_of(whole)["tool_calls"][0]["function"]["name"] == "g"


def test_call_written_in_two_texts_is_one_call():
    answer = make.message(make.text('{"a"'), make.thinking("hm"), make.text(": 1}"))
    from_stream, whole = both(answer, ONE)
    assert as_values(from_stream) == as_values(whole)
    assert message_of(from_stream)["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'


@pytest.mark.parametrize("form", [ONE, ANY])
def test_half_of_such_a_call_is_no_call(form):
    answer = make.message(make.text('{"name": "f", "argu'), stop_reason="max_tokens")
    whole = response(answer, model="m", created=1, form=form)
    assert "tool_calls" not in message_of(whole)
    assert whole["choices"][0]["finish_reason"] == "length"
    assert streamed(answer, form)[-2]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("form", [ONE, ANY])
def test_refusal_instead_of_such_a_call_is_a_refusal(form):
    for completion in both(make.message(stop_reason="refusal"), form):
        assert completion["choices"][0]["finish_reason"] == "content_filter"
        assert message_of(completion)["refusal"]
        assert "tool_calls" not in message_of(completion)


@pytest.mark.parametrize("form", [ONE, ANY])
@pytest.mark.parametrize("text", ["", "[]", "I would rather not.", '{"name": 1, "arguments": 2'])
def test_answer_that_ends_without_the_call_is_broken(form, text):
    answer = make.message(make.text(text))
    with pytest.raises(UpstreamBroken):
        response(answer, model="m", created=1, form=form)
    with pytest.raises(UpstreamBroken):
        streamed(answer, form)


@given(st.text(max_size=20), st.integers(1, 5))
def test_custom_call_comes_back_as_free_text(text, pieces):
    answer = make.message(
        make.tool_use("a", "sh", {"input": text}),
        make.tool_use("b", "f", {"input": text}),
        stop_reason="tool_use",
    )
    from_stream, whole = both(answer, CUSTOM, pieces)
    assert as_values(from_stream) == as_values(whole)
    custom, function = message_of(whole)["tool_calls"]
    assert custom == {"id": "a", "type": "custom", "custom": {"name": "sh", "input": text}}
    assert function["type"] == "function"


def test_custom_call_that_was_not_wrapped_is_told_as_it_is():
    answer = make.message(make.tool_use("a", "sh", {"cmd": 1}), stop_reason="tool_use")
    assert message_of(both(answer, CUSTOM)[0])["tool_calls"][0]["custom"]["input"] == '{"cmd":1}'


def test_half_of_a_custom_call_is_not_told():
    events = make.stream(
        make.message(make.tool_use("a", "sh", {"input": "ls"}), stop_reason="max_tokens")
    )
    events = [e for e in events if "partial_json" not in e.get("delta", {})]
    half = {"type": "input_json_delta", "partial_json": '{"input": "l'}
    events.insert(3, {"type": "content_block_delta", "index": 0, "delta": half})
    translator = ChatStream(model="m", created=1, include_usage=False, form=CUSTOM)
    chunks = [chunk for event in events for chunk in translator.feed(event)]
    assert translator.complete
    assert not any(chunk["choices"][0]["delta"].get("tool_calls") for chunk in chunks)


@given(ARGUMENTS, st.integers(1, 5))
def test_old_clients_get_one_function_call(arguments, pieces):
    answer = make.message(make.tool_use("a", "f", arguments), stop_reason="tool_use")
    from_stream, whole = both(answer, LEGACY, pieces)
    assert as_values(from_stream) == as_values(whole)
    assert message_of(whole)["function_call"]["name"] == "f"
    assert "tool_calls" not in message_of(whole)
    assert whole["choices"][0]["finish_reason"] == "function_call"


FENCED = st.sampled_from(["```json\n", "```\n", " \n```JSON\r\n", "``", "`", ""])
INNER = st.sampled_from(['{"a": 1}', '{"a": "```"}', "{}\n", "", "```", "x\n``` y"])
CLOSED = st.sampled_from(["\n```", "```\n", "\n``", "", " \n"])


@given(FENCED, INNER, CLOSED, st.integers(1, 30))
def test_fence_is_taken_away_in_the_same_way_however_the_text_is_cut(before, inner, after, pieces):
    answer = make.message(make.text(before + inner + after))
    from_stream, whole = both(answer, OBJECT, pieces)
    assert message_of(from_stream)["content"] == message_of(whole)["content"]


@pytest.mark.parametrize(
    ("text", "object_"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('```\n{"a": "```"}\n```\n', '{"a": "```"}'),
        (' {"a": 1} ', ' {"a": 1} '),
        ("```json {}```", "```json {}```"),
        ("```json\n{", "{"),
        ("``", "``"),
    ],
)
def test_one_fence_and_nothing_else_is_taken_away(text, object_):
    assert unfenced(text) == object_


def test_text_without_a_fence_is_not_held_back():
    unfencing = Unfencing()
    assert [unfencing.feed(piece) for piece in ('{"a"', ": 1", "}")] == ['{"a"', ": 1", "}"]


@pytest.mark.parametrize(("text", "is_one"), [("{}", True), ("[]", False), ("{", False)])
def test_objects_are_told_from_other_texts(text, is_one):
    assert is_object(text) is is_one


# Citations -------------------------------------------------------------------------------------


def cited(text: str, *pages: str) -> dict:
    kind = {"type": "web_search_result_location", "encrypted_index": "x", "cited_text": "…"}
    citations = [{**kind, "url": f"https://{page}/", "title": page} for page in pages]
    return {"type": "text", "text": text, "citations": citations}


SEARCHED = {**make.tool_use("srvtoolu_1", "web_search", {}), "type": "server_tool_use"}
PIECES = st.lists(
    st.builds(cited, st.text(max_size=4), st.sampled_from("ab"))
    | st.builds(make.text, st.text(max_size=4))
    | st.just(SEARCHED),
    max_size=5,
)


@given(PIECES, st.integers(1, 4))
def test_citations_are_told_alike_and_say_where_they_belong(content, pieces):
    form = AnswerForm(cites=True)
    from_stream, whole = both(make.message(*content), form, pieces)
    assert as_values(from_stream) == as_values(whole)
    said = message_of(whole)["content"]
    spoken = [block for block in content if block.get("citations") and block["text"]]
    for block, note in zip(spoken, message_of(whole).get("annotations", []), strict=True):
        place = note["url_citation"]
        assert said[place["start_index"] : place["end_index"]] == block["text"]


def test_page_that_a_text_cites_twice_is_named_once():
    (note,) = message_of(both(make.message(cited("é", "a", "a")), AnswerForm(cites=True))[0])[
        "annotations"
    ]
    assert note["url_citation"] == {
        "start_index": 0,
        "end_index": 1,
        "title": "a",
        "url": "https://a/",
    }
