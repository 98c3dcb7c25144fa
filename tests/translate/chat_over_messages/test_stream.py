"""Streams and whole answers say the same, and no broken stream looks whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import messages as make
from factories.chat import as_values, fold
from isthmus.errors import UpstreamBroken
from isthmus.translate.chat_over_messages.response import response
from isthmus.translate.chat_over_messages.stream import ChatStream
from isthmus.translate.to_messages.form import AnswerForm
from isthmus.wire.json import encode
from isthmus.wire.messages.events import TextRun, decode
from isthmus.wire.messages.fold import Fold
from isthmus.wire.sse import Decoder, ServerEvent


def new_stream(**options) -> ChatStream:
    return ChatStream(model="m", created=1, **({"include_usage": True} | options))


def streamed(events: list[dict], **options) -> list[dict]:
    translator = new_stream(**options)
    chunks = [chunk for event in events for chunk in translator.feed(event)]
    translator.close()
    assert translator.complete
    return json.loads(json.dumps(chunks + translator.finish()))


def folded(events: list[dict]) -> dict:
    answer = Fold()
    for event in events:
        answer.feed(event)
    answer.close()
    assert answer.complete
    return answer.message


def translated(answer: dict) -> dict:
    return response(answer, model="m", created=1)


@given(make.ANSWERS, st.integers(1, 5))
def test_stream_folds_to_the_translation_of_the_folded_answer(answer, pieces):
    events = make.stream(answer, pieces)
    assert as_values(fold(streamed(events))) == as_values(translated(folded(events)))


@given(make.ANSWERS, st.integers(1, 5))
def test_folding_a_stream_gives_the_answer_it_was_made_from(answer, pieces):
    assert folded(make.stream(answer, pieces))["content"] == answer["content"]


@given(make.ANSWERS, st.data())
def test_truncated_stream_never_completes(answer, data):
    events = make.stream(answer)
    cut = data.draw(st.integers(0, len(events) - 3))
    translator = new_stream()
    for event in events[:cut]:
        translator.feed(event)
    translator.close()
    assert not translator.complete


@given(make.ANSWERS, st.data())
def test_unknown_events_blocks_and_deltas_change_nothing(answer, data):
    events = make.stream(answer)
    at = data.draw(st.integers(1, len(events)))
    strange = {"type": "content_block_mystery", "index": 99}
    assert streamed([*events[:at], strange, *events[at:]]) == streamed(events)


def test_missing_terminator_after_a_stop_reason_is_complete():
    events = make.stream(make.message(make.text("Hi")))[:-1]
    assert fold(streamed(events))["choices"][0]["finish_reason"] == "stop"


def test_first_chunk_carries_the_role_and_all_carry_one_id():
    chunks = streamed(make.stream(make.message(make.text("Hi"))))
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-01"}


def test_usage_comes_in_a_chunk_of_its_own_and_only_there():
    chunks = streamed(make.stream(make.message(make.text("Hi"))))
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 18
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


def test_no_usage_is_streamed_unless_it_was_asked_for():
    chunks = streamed(make.stream(make.message(make.text("Hi"))), include_usage=False)
    assert all("usage" not in chunk for chunk in chunks)


def test_tool_indexes_count_calls_not_blocks():
    answer = make.message(
        make.thinking("hm"), make.tool_use("a", "f", {"x": 1}), make.tool_use("b", "g", {})
    )
    calls = fold(streamed(make.stream(answer)))["choices"][0]["message"]["tool_calls"]
    assert [(call["index"], call["id"]) for call in calls] == [(0, "a"), (1, "b")]
    assert [call["function"]["arguments"] for call in calls] == ['{"x": 1}', "{}"]


def test_texts_are_set_apart_only_where_something_stood_between():
    answer = make.message(
        make.text("a"), make.text("b"), make.thinking("x"), make.text(""), make.text("c")
    )
    assert translated(answer)["choices"][0]["message"]["content"] == "ab\n\nc"


def test_thinking_is_told_with_its_signature_and_place():
    answer = make.message(make.thinking("why", "sig"), make.text("because"))
    message = fold(streamed(make.stream(answer)))["choices"][0]["message"]
    assert message["reasoning_content"] == "why"
    assert message["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "id": "block-0",
            "format": "anthropic-claude-v1",
            "index": 0,
            "text": "why",
            "signature": "sig",
        }
    ]


def test_hidden_thinking_stays_hidden_in_both_forms():
    answer = make.message(make.thinking("why"), make.text("because"))
    chunks = streamed(make.stream(answer), form=AnswerForm(hide_thinking=True))
    whole = response(answer, model="m", created=1, form=AnswerForm(hide_thinking=True))
    said = json.dumps(chunks) + json.dumps(whole)
    assert "reasoning_content" not in said
    assert "reasoning_details" not in said


def test_refusal_voids_the_text_before_it():
    details = {"type": "refusal", "category": "cyber", "explanation": "Not this."}
    answer = make.message(make.text("Well"), stop_reason="refusal", stop_details=details)
    whole = translated(answer)["choices"][0]
    assert (whole["finish_reason"], whole["message"]["content"]) == ("content_filter", None)
    assert whole["message"]["refusal"] == "Not this."
    last = streamed(make.stream(answer))[-3:]
    assert last[0]["choices"][0]["delta"] == {"refusal": "Not this."}
    assert last[1]["choices"][0]["finish_reason"] == "content_filter"


def test_half_a_tool_call_is_not_delivered_as_a_whole_one():
    events = make.stream(make.message(make.tool_use("a", "f", {"x": 1}), stop_reason="max_tokens"))
    events = [e for e in events if e.get("delta", {}).get("partial_json") is None or '"' in str(e)]
    events[3]["delta"]["partial_json"] = '{"x"'
    answer = folded([*events[:4], *events[-3:]])
    choice = translated(answer)["choices"][0]
    assert choice["finish_reason"] == "length"
    assert "tool_calls" not in choice["message"]


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("something_new", "stop"),
    ],
)
def test_stop_reasons_are_translated(stop_reason, finish_reason):
    answer = make.message(make.text("Hi"), stop_reason=stop_reason)
    assert translated(answer)["choices"][0]["finish_reason"] == finish_reason


def test_second_answer_to_a_turn_goes_on_where_the_first_stopped():
    first = make.message(
        make.thinking("a"), make.text("Let me"), stop_reason="pause_turn", usage=make.USAGE
    )
    second = make.message(make.thinking("b"), make.text("see."), id="msg_02")
    translator = new_stream()
    chunks = [chunk for event in make.stream(first) for chunk in translator.feed(event)]
    translator.go_on()
    chunks += [chunk for event in make.stream(second) for chunk in translator.feed(event)]
    assert translator.complete
    both = fold(json.loads(json.dumps(chunks + translator.finish())))
    one = translated(make.message(*first["content"], *second["content"]))
    assert both["choices"] == one["choices"]
    assert both["id"] == one["id"]
    assert both["usage"]["total_tokens"] == 2 * one["usage"]["total_tokens"]


def test_usage_sums_the_classes_of_the_prompt_and_replaces_early_figures():
    usage = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 1000,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 20},
    }
    events = make.stream(make.message(make.text("Hi"), usage=usage))
    events[-2]["usage"] = {"input_tokens": None, "output_tokens": 60}
    assert fold(streamed(events))["usage"] == {
        "prompt_tokens": 1105,
        "completion_tokens": 60,
        "total_tokens": 1165,
        "prompt_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }


BROKEN = {
    "no message": lambda e: e[2:],
    "second message": lambda e: [e[0], *e],
    "delta before its block": lambda e: [*e[:2], *e[3:]],
    "block twice": lambda e: [*e[:3], *e[2:]],
    "block ended twice": lambda e: [*e[:-2], *e[-3:]],
    "delta without a type": lambda e: [*e[:3], {**e[3], "delta": {}}, *e[4:]],
    "text that is no text": lambda e: [
        *e[:3],
        {**e[3], "delta": {"type": "text_delta", "text": 1}},
    ],
    "no stop reason": lambda e: [*e[:-2], e[-1]],
}


@pytest.mark.parametrize("name", BROKEN)
def test_grammar_is_enforced(name):
    events = BROKEN[name](make.stream(make.message(make.text("Hello"))))
    translator, answer = new_stream(), Fold()
    with pytest.raises(UpstreamBroken):
        [translator.feed(event) for event in events]
    assert not translator.complete
    with pytest.raises(UpstreamBroken):
        [answer.feed(event) for event in events]
        answer.message["stop_reason"] or answer.feed({"type": "message_delta"})


def spliced(events: list[dict]) -> bytes:
    """Translate a stream as the gateway does: text deltas by their literals where possible."""
    translator, told = new_stream(), b""
    for frame in Decoder().feed(make.framed(events)):
        event = decode(frame)
        splice = translator.splice
        run = (event.block, event.kind) if isinstance(event, TextRun) else None
        if run and splice and run == (splice.block, splice.kind):
            told += b"".join(text.join(splice.parts) for text in event.literals)
            continue
        for each in event.events if isinstance(event, TextRun) else [event]:
            told += b"".join(encode(chunk) for chunk in translator.feed(each))
    return told


@given(make.ANSWERS, st.integers(1, 5))
def test_spliced_text_is_what_encoding_the_chunk_gives(answer, pieces):
    events = make.stream(answer, pieces)
    translator = new_stream()
    slow = b"".join(encode(chunk) for event in events for chunk in translator.feed(event))
    assert spliced(events) == slow


@pytest.mark.parametrize(
    ("data", "fast"),
    [
        ('"plain \\n text"', True),
        ('"caf\u00e9 \U0001f600"', True),
        ('"\\u00e9"', False),
        ('"a\\/b"', False),
        ('""', False),
        ("1", False),
        ("null", False),
    ],
)
def test_only_text_that_would_be_written_the_same_is_passed_through(data, fast):
    event = (
        f'{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{data}}}}}'
    )
    decoded = decode(ServerEvent("content_block_delta", event.encode()))
    assert isinstance(decoded, TextRun) == fast
    documents = decoded.events if isinstance(decoded, TextRun) else [decoded]
    assert documents == [json.loads(event)]
