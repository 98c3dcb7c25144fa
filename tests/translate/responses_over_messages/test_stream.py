"""Streams and whole answers say the same, and no broken stream looks whole."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from factories import messages as make
from factories.responses import (
    HEAD,
    IN_CRM,
    as_values,
    fold,
    form,
    validated,
    validated_response,
)
from factories.sealing import unseal
from isthmus.errors import GatewayBusy, UpstreamBroken
from isthmus.translate.responses_over_messages.response import response
from isthmus.translate.responses_over_messages.stream import ResponseStream
from isthmus.translate.to_messages.forced import Forced
from isthmus.wire.messages.events import TextRun, decode
from isthmus.wire.messages.fold import Fold
from isthmus.wire.responses.events import TERMINAL, framed
from isthmus.wire.sse import Decoder

FORMS = st.builds(
    form,
    shows_summaries=st.booleans(),
    hide_thinking=st.booleans(),
    custom_tools=st.sampled_from([frozenset(), frozenset({"say"})]),
    json_object=st.booleans(),
    names=st.just({"look": IN_CRM["crm__find"]}),
)
_EVENTS = TypeAdapter(ResponseStreamEvent)
SEARCH = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "web_search",
    "input": {"query": "weather"},
}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}


def new_stream(**options) -> ResponseStream:
    return ResponseStream(head=HEAD, form=options.pop("form", None) or form(**options))


def streamed(events: list[dict], **options) -> list[dict]:
    translator = new_stream(**options)
    told = [caused for event in events for caused in translator.feed(event)]
    translator.close()
    assert translator.complete
    return json.loads(json.dumps(told + translator.finish(2)))


def folded(events: list[dict]) -> dict:
    answer = Fold()
    for event in events:
        answer.feed(event)
    answer.close()
    assert answer.complete
    return answer.message


def translated(answer: dict, **options) -> dict:
    asked = options.pop("form", None) or form(**options)
    return response(answer, head=HEAD, form=asked, completed_at=2)


def alike(answer: dict, pieces: int = 3, **options) -> list[dict]:
    """Check that both ways say the same; return what they say."""
    whole = translated(answer, **options)
    events = streamed(make.stream(answer, pieces), **options)
    assert as_values(fold(events)) == as_values(whole)
    return whole["output"]


@given(make.ANSWERS, st.integers(1, 5), FORMS)
def test_stream_folds_to_the_translation_of_the_folded_answer(answer, pieces, asked):
    events = make.stream(answer, pieces)
    told = fold(streamed(events, form=asked))
    assert as_values(told) == as_values(translated(folded(events), form=asked))


@given(make.ANSWERS, st.integers(1, 3), FORMS)
def test_everything_said_is_known_to_the_official_client(answer, pieces, asked):
    for event in streamed(make.stream(answer, pieces), form=asked):
        validated(event)
    validated_response(translated(answer, form=asked))


@given(make.ANSWERS, st.data())
def test_truncated_stream_never_completes(answer, data):
    events = make.stream(answer)
    cut = data.draw(st.integers(0, len(events) - 3))
    translator = new_stream()
    told = [caused for event in events[:cut] for caused in translator.feed(event)]
    translator.close()
    assert not translator.complete
    assert not TERMINAL.intersection(event["type"] for event in told)


@given(make.ANSWERS, st.data())
def test_unknown_events_blocks_and_deltas_change_nothing(answer, data):
    events = make.stream(answer)
    at = data.draw(st.integers(1, len(events)))
    strange = {"type": "content_block_mystery", "index": 99}
    assert streamed([*events[:at], strange, *events[at:]]) == streamed(events)


@given(make.ANSWERS, st.data())
def test_stream_says_the_same_however_its_bytes_are_cut(answer, data):
    raw = make.framed(make.stream(answer))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    decoder = Decoder()
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    decoded = [decode(frame) for piece in pieces for frame in decoder.feed(piece)]
    events = [
        event
        for each in decoded
        for event in (each.events if isinstance(each, TextRun) else [each])
    ]
    assert streamed(events) == streamed(make.stream(answer))


def gathered(events: list[dict]) -> dict:
    """Return the response that the official client makes of a stream."""
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    told = [state.handle_event(_EVENTS.validate_python(event)) for event in events]
    return told[-1][-1].response.to_dict()


@given(make.ANSWERS, st.integers(1, 3))
def test_official_client_gathers_what_the_stream_ends_with(answer, pieces):
    ids = [block["id"] for block in answer["content"] if block["type"] == "tool_use"]
    assume(len(ids) == len(set(ids)))
    told = gathered(streamed(make.stream(answer, pieces)))["output"]
    assert [item["id"] for item in told] == [item["id"] for item in translated(answer)["output"]]


def test_official_client_is_not_confused_by_half_a_call():
    call = make.tool_use("a", "look", {"b": 1})
    events = cut_short(make.message(make.text("Hi"), call, stop_reason="max_tokens"))
    (said,) = gathered(streamed(events))["output"]
    assert said["type"] == "message"


def test_events_of_a_text_come_in_the_order_that_clients_expect():
    events = streamed(make.stream(make.message(make.text("Hi")), 1))
    assert [event["type"].removeprefix("response.") for event in events] == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.delta", "output_text.done", "content_part.done", "output_item.done"),
        "completed",
    ]
    assert framed(events[0]).startswith(
        b'event: response.created\ndata: {"type":"response.created"'
    )


def test_events_of_a_thought_and_a_call_come_in_the_order_that_clients_expect():
    answer = make.message(make.thinking("hm"), make.tool_use("a", "look", {}))
    events = streamed(make.stream(answer, 1))
    assert [event["type"].removeprefix("response.") for event in events[2:-1]] == [
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done"),
        "output_item.done",
    ]


def test_events_of_a_search_come_in_the_order_that_clients_expect():
    events = streamed(make.stream(make.message(SEARCH, FOUND)))
    assert [event["type"].removeprefix("response.") for event in events[2:-1]] == [
        *("output_item.added", "web_search_call.in_progress", "web_search_call.searching"),
        *("web_search_call.completed", "output_item.done"),
    ]


def test_thought_that_begins_with_text_keeps_it():
    events = make.stream(make.message(make.thinking("hm")))
    start = next(event for event in events if event["type"] == "content_block_start")
    start["content_block"]["thinking"] = "So: "
    assert fold(streamed(events))["output"][0]["summary"][0]["text"] == "So: hm"


def test_usage_of_the_beginning_counts_where_the_end_says_nothing():
    events = make.stream(make.message(make.text("Hi")))
    events[-2]["usage"] = {"output_tokens": 9}
    usage = fold(streamed(events))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (11, 9)


def test_response_that_begins_is_empty_and_in_progress():
    first = streamed(make.stream(make.message(make.text("Hi"))))[0]["response"]
    assert (first["id"], first["status"], first["output"]) == ("resp_01", "in_progress", [])
    assert (first["created_at"], first["completed_at"], first["usage"]) == (1, None, None)


def test_usage_comes_with_both_details():
    whole = translated(make.message(make.text("Hi")))
    assert whole["usage"] == {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 18,
    }
    assert (whole["status"], whole["completed_at"]) == ("completed", 2)


def test_message_before_anything_else_is_commentary():
    answer = make.message(
        make.text("I look."), make.tool_use("a", "look", {}), stop_reason="tool_use"
    )
    said, call = alike(answer)
    assert (said["phase"], said["content"][0]["text"]) == ("commentary", "I look.")
    assert (call["type"], call["id"], call["call_id"]) == ("function_call", "fc_01_1", "a")
    assert alike(make.message(make.text("Hi")))[0]["phase"] == "final_answer"


def test_run_of_thinking_is_one_item_that_holds_all_of_it_sealed():
    redacted = {"type": "redacted_thinking", "data": "xyz"}
    run = [make.thinking("why"), redacted, make.thinking("")]
    thought, _ = alike(make.message(*run, make.text("because")))
    assert thought["summary"] == [{"type": "summary_text", "text": "why"}]
    envelope = json.loads(unseal(thought["encrypted_content"]))
    assert envelope["blocks"] == run
    assert (envelope["model"], envelope["account"]) == ("claude", "")


def test_thinking_that_was_cut_off_is_not_sealed():
    answer = make.message(make.thinking("why", ""), stop_reason="max_tokens")
    (thought,) = alike(answer)
    assert thought["encrypted_content"] is None


def test_summary_is_shown_only_where_it_was_asked_for():
    (thought,) = alike(make.message(make.thinking("why")), shows_summaries=False)
    assert thought["summary"] == []
    assert thought["encrypted_content"]
    assert alike(make.message(make.thinking("why")), hide_thinking=True) == []


def test_call_in_a_namespace_comes_back_under_both_names():
    (call,) = alike(make.message(make.tool_use("a", "crm__find", {"x": 1})), names=IN_CRM)
    assert (call["namespace"], call["name"]) == ("crm", "find")


def test_custom_call_comes_back_as_free_text():
    answer = make.message(make.tool_use("a", "patch", {"input": "*** é"}))
    (call,) = alike(answer, custom_tools=frozenset({"patch"}))
    assert (call["type"], call["input"]) == ("custom_tool_call", "*** é")


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_answer_that_was_cut_off_is_incomplete(reason):
    answer = make.message(make.text("Once"), stop_reason=reason)
    (said,) = alike(answer)
    whole = translated(answer)
    assert (said["status"], whole["status"]) == ("incomplete", "incomplete")
    assert whole["incomplete_details"] == {"reason": "max_output_tokens"}
    assert whole["completed_at"] is None


def cut_short(answer: dict) -> list[dict]:
    """Leave all pieces of a call's arguments out but the first."""
    events = make.stream(answer)
    pieces = [e for e in events if e.get("delta", {}).get("type") == "input_json_delta"]
    return [event for event in events if event not in pieces[1:]]


@pytest.mark.parametrize("custom", [frozenset(), frozenset({"look"})])
def test_half_a_call_is_never_told_as_done(custom):
    call = make.tool_use("a", "look", {"b": 1})
    told = streamed(cut_short(make.message(call, stop_reason="max_tokens")), custom_tools=custom)
    assert fold(told)["output"] == []
    assert "response.output_item.done" not in {event["type"] for event in told}


def test_half_a_call_in_an_answer_that_says_it_is_whole_is_broken():
    with pytest.raises(UpstreamBroken):
        streamed(cut_short(make.message(make.tool_use("a", "look", {"b": 1}))))


def refused(*content: dict) -> dict:
    details = {"type": "refusal", "category": None, "explanation": "I would rather not."}
    return make.message(*content, stop_reason="refusal", stop_details=details)


def test_refusal_is_a_message_of_its_own():
    (said,) = alike(refused())
    assert said["content"] == [{"type": "refusal", "refusal": "I would rather not."}]
    assert translated(refused())["incomplete_details"] == {"reason": "content_filter"}


def test_refusal_after_text_voids_it_where_it_was_not_yet_said():
    answer = refused(make.thinking("hm"), make.text("Well"), make.tool_use("a", "look", {}))
    thought, said = translated(answer)["output"]
    assert (thought["type"], said["content"][0]["type"]) == ("reasoning", "refusal")
    told = fold(streamed(make.stream(refused(make.text("Well")))))
    (part, refusal) = told["output"][0]["content"]
    assert (part["text"], refusal["refusal"]) == ("Well", "I would rather not.")


def test_search_is_an_item_with_its_query_and_what_came_of_it():
    answer = make.message(make.text("I look."), SEARCH, FOUND, make.text("Rain."))
    said, search, found = alike(answer)
    assert search["action"] == {"type": "search", "query": "weather"}
    assert (said["phase"], search["status"], found["phase"]) == (
        *("commentary", "completed", "final_answer"),
    )


@pytest.mark.parametrize("result", [[], [{**FOUND, "content": {"type": "error"}}]])
def test_search_without_a_result_has_failed(result):
    (search,) = alike(make.message(SEARCH, *result))
    assert search["status"] == "failed"


def test_pages_are_cited_where_the_text_that_cites_them_stands():
    page = {"type": "web_search_result_location", "url": "https://a.b", "title": "A"}
    answer = make.message(make.text("So: "), {**make.text("rain."), "citations": [page, page]})
    (said,) = alike(answer)
    (annotation,) = said["content"][0]["annotations"]
    assert (annotation["start_index"], annotation["end_index"]) == (4, 9)
    assert (annotation["type"], annotation["url"]) == ("url_citation", "https://a.b")


def test_texts_are_set_apart_only_where_something_unseen_stood_between():
    unseen = {"type": "server_tool_use", "id": "s", "name": "code_execution", "input": {}}
    answer = make.message(make.text("a"), make.text("b"), unseen, make.text(""), make.text("c"))
    (said,) = alike(answer)
    assert said["content"][0]["text"] == "ab\n\nc"


def test_text_that_comes_first_is_not_set_apart_from_what_is_hidden():
    (said,) = alike(make.message(make.thinking("hm"), make.text("Hi")), hide_thinking=True)
    assert said["content"][0]["text"] == "Hi"


def test_demanded_call_that_was_written_as_text_is_told_as_a_call():
    answer = make.message(make.thinking("t"), make.text('{"city": "Rome"}'))
    _, call = alike(answer, forced=Forced("look"))
    assert (call["type"], json.loads(call["arguments"])) == ("function_call", {"city": "Rome"})


@pytest.mark.parametrize("text", ["", '{"city": "Ro'])
def test_half_of_a_demanded_call_is_no_call(text):
    answer = make.message(make.text(text), stop_reason="max_tokens")
    assert alike(answer, forced=Forced("look")) == []


def test_fence_around_an_object_is_taken_away():
    (said,) = alike(make.message(make.text('```json\n{"a": 1}\n```')), json_object=True)
    assert said["content"][0]["text"] == '{"a": 1}\n'.strip()


def test_call_that_is_not_for_the_client_is_not_told():
    answer = make.message(make.tool_use("a", "other", {"x": 1}), make.text("Hi"))
    told = fold(streamed(make.stream(answer), only=frozenset({"look"})))
    assert [item["type"] for item in told["output"]] == ["message"]


def test_further_answer_to_a_turn_continues_its_items_and_adds_its_usage():
    translator = new_stream()
    paused = make.message(SEARCH, make.text("a"), stop_reason="pause_turn")
    told = [caused for event in make.stream(paused) for caused in translator.feed(event)]
    translator.go_on()
    rest = make.stream(make.message(FOUND, make.text("b")))
    told += [caused for event in rest for caused in translator.feed(event)]
    told += translator.finish(2)
    final = fold(told)
    search, said = final["output"]
    assert (search["status"], said["content"][0]["text"]) == ("completed", "a\n\nb")
    assert (final["usage"]["output_tokens"], translator.usage.output_tokens) == (14, 14)


def test_failure_is_told_with_what_there_is_and_the_next_number():
    events = make.stream(make.message(make.thinking("hm"), make.text("Once")))
    translator = new_stream()
    told = [caused for event in events[:-4] for caused in translator.feed(event)]
    told += translator.fail(GatewayBusy("Too much to do."))
    final = fold(told)
    assert (told[-1]["type"], final["status"]) == ("response.failed", "failed")
    assert final["error"] == {"code": "server_error", "message": "Too much to do."}
    assert [item["type"] for item in final["output"]] == ["reasoning"]
    validated(told[-1])


def test_failure_before_anything_was_said_is_an_error_event():
    (event,) = new_stream().fail(GatewayBusy("Too much to do."))
    validated(event)
    assert (event["type"], event["sequence_number"]) == ("error", 0)
    assert (event["code"], event["message"]) == ("overloaded", "Too much to do.")


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_stop", "index": 9},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
        {"type": "message_start", "message": {"id": "msg_2"}},
        {"type": "content_block_start", "index": 9},
        {"type": "message_stop"},
    ],
)
def test_events_against_the_grammar_are_a_failure(broken):
    translator = new_stream()
    for event in make.stream(make.message(make.text("Hi")))[:4]:
        translator.feed(event)
    with pytest.raises(UpstreamBroken):
        translator.feed(broken)


def test_dropped_thoughts_are_counted():
    events = make.stream(make.message(make.text("Hi")))
    events[0]["message"]["input_transformations"] = [{"type": "thinking_dropped"}]
    translator = new_stream()
    translator.feed(events[0])
    assert (translator.thoughts_dropped, translator.message_id) == (1, "msg_01")


@pytest.mark.parametrize(
    "broken",
    [
        {"content": "Hi"},
        {},
        make.message({"type": "text", "text": 3}),
        make.message({"type": "tool_use", "id": "a", "name": []}),
        make.message({**make.text("Hi"), "citations": 3}),
        make.message(stop_reason=["x"]),
    ],
)
def test_what_is_no_message_is_broken(broken):
    with pytest.raises(UpstreamBroken):
        translated(broken)


def test_stream_that_ends_for_no_reason_anybody_could_read_is_broken():
    events = make.stream(make.message(make.text("Hi"), stop_reason=["x"]))[:-1]
    with pytest.raises(UpstreamBroken):
        streamed(events)
