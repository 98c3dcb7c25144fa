"""Streams and whole answers say the same, and no broken stream looks whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import completions as make
from isthmus.errors import UpstreamBroken, UpstreamError
from isthmus.translate.messages_over_chat.form import AnswerForm
from isthmus.translate.messages_over_chat.response import response
from isthmus.translate.messages_over_chat.signature import Seal, opened
from isthmus.translate.messages_over_chat.stream import MessagesStream
from isthmus.wire.chat import fold as chat
from isthmus.wire.chat.events import DONE, decode
from isthmus.wire.messages.fold import Fold
from isthmus.wire.sse import Decoder

KEY = b"k" * 32
SEAL = Seal(key=KEY, vendor="v", model="m-1")
SHOWN = AnswerForm(seal=SEAL, thoughts="shown")
SEALED = AnswerForm(seal=SEAL, thoughts="sealed")
FORMS = st.sampled_from([AnswerForm(), SHOWN, SEALED, AnswerForm(watched=("a", "\n\n", "ab1"))])


def new_stream(form: AnswerForm = SHOWN) -> MessagesStream:
    return MessagesStream(model="asked", request_id="req_1", form=form)


def streamed(events: list, form: AnswerForm = SHOWN) -> list[dict]:
    translator = new_stream(form)
    told = [event for each in events for event in translator.feed(each)]
    translator.close()
    assert translator.complete
    return json.loads(json.dumps(told + translator.finish()))


def folded(events: list[dict]) -> dict:
    """Fold Messages events; the grammar is checked by the way."""
    answer = Fold()
    for event in events:
        answer.feed(event)
    assert answer.complete
    return answer.message


def joined(events: list) -> dict:
    """Fold chat events."""
    answer = chat.Fold()
    for event in events:
        answer.feed(event)
    answer.close()
    assert answer.complete
    return answer.completion


def translated(answer: dict, form: AnswerForm = SHOWN) -> dict:
    return json.loads(json.dumps(response(answer, model="asked", request_id="req_1", form=form)))


@given(make.ANSWERS, st.integers(1, 5), FORMS)
def test_stream_folds_to_the_translation_of_the_folded_answer(answer, pieces, form):
    events = make.stream(answer, pieces)
    assert folded(streamed(events, form)) == translated(joined(events), form)


@given(make.ANSWERS, st.integers(1, 5), FORMS)
def test_whole_answer_and_the_fold_of_its_stream_are_translated_alike(answer, pieces, form):
    assert translated(joined(make.stream(answer, pieces)), form) == translated(answer, form)


@given(make.ANSWERS, st.data())
def test_truncated_stream_never_completes(answer, data):
    events = make.stream(answer)
    cut = data.draw(st.integers(0, len(events) - 3))
    translator, reader = new_stream(), chat.Fold()
    for event in events[:cut]:
        translator.feed(event)
        reader.feed(event)
    translator.close()
    reader.close()
    assert not translator.complete
    assert not reader.complete


@given(make.ANSWERS, st.data())
def test_unknown_chunks_members_and_choices_change_nothing(answer, data):
    events = make.stream(answer)
    at = data.draw(st.integers(0, len(events)))
    other = {"index": 1, "delta": {"content": "other"}, "finish_reason": "stop"}
    strange = [
        {"object": "mystery", "choices": []},
        {"object": "mystery"},
        make.chunk({"mystery": 1, "role": "assistant", "content": None}),
        {**make.chunk(), "choices": [other]},
    ]
    one = data.draw(st.sampled_from(strange))
    assert streamed([*events[:at], one, *events[at:]]) == streamed(events)


@given(make.ANSWERS, st.integers(1, 40))
def test_any_split_of_the_bytes_gives_the_same_events(answer, size):
    events = make.stream(answer)
    raw, decoder = make.framed(events), Decoder()
    parts = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert [decode(frame) for part in parts for frame in decoder.feed(part)] == events


@st.composite
def by_turns(draw) -> tuple[list, dict]:
    """Calls whose pieces come by turns, as some vendors send them."""
    calls = draw(st.lists(make.CALLS, min_size=2, max_size=4))
    answer = make.completion("Let me see.", *calls, finish_reason="tool_calls")
    events = make.stream(answer)
    first = next(at for at, e in enumerate(events) if _is_call(e))
    last = max(at for at, e in enumerate(events) if _is_call(e))
    queues = [[e for e in events if _is_call(e, index)] for index in range(len(calls))]
    mixed = [queue.pop(0) for queue in queues]
    while any(queues):
        mixed.append(draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    return [*events[:first], *mixed, *events[last + 1 :]], answer


def _is_call(event, index: int | None = None) -> bool:
    if event is DONE or not event["choices"]:
        return False
    pieces = event["choices"][0]["delta"].get("tool_calls")
    return bool(pieces) and index in (None, pieces[0]["index"])


@given(by_turns())
def test_calls_that_come_by_turns_are_told_one_after_the_other(made):
    events, answer = made
    assert folded(streamed(events)) == translated(answer)


def test_first_event_comes_with_the_first_chunk_and_a_ping_follows():
    first, ping = new_stream().feed(make.chunk({"role": "assistant"}))
    assert first["message"]["id"] == "msg_01"
    assert first["message"]["model"] == "asked"
    assert ping == {"type": "ping"}


def test_pieces_are_told_as_they_come():
    translator = new_stream()
    translator.feed(make.chunk({"content": "Hel"}))
    [event] = translator.feed(make.chunk({"content": "lo"}))
    assert event["delta"] == {"type": "text_delta", "text": "lo"}


def test_thinking_is_signed_before_its_block_ends():
    events = streamed(make.stream(make.completion("Hi", reasoning_content="Hm.")))
    kinds = [event.get("delta", {}).get("type", event["type"]) for event in events]
    at = kinds.index("signature_delta")
    assert kinds[at + 1] == "content_block_stop"
    thought, said = folded(events)["content"]
    assert opened(thought, (KEY,)) == "Hm."
    assert said == {"type": "text", "text": "Hi"}


def test_sealed_thinking_is_not_shown_and_still_comes_back():
    answer = make.completion("Hi", reasoning="Hm.")
    [thought, _] = folded(streamed(make.stream(answer), SEALED))["content"]
    assert thought["thinking"] == ""
    assert opened(thought, (KEY,)) == "Hm."


def test_the_member_that_thoughts_came_in_first_counts_alone():
    events = [make.chunk({"reasoning": word, "reasoning_content": word}) for word in ("a", "b")]
    events += [make.chunk({"content": "Hi"}, "stop"), DONE]
    [thought, _] = folded(streamed(events))["content"]
    assert thought["thinking"] == "ab"


def test_thoughts_in_details_are_read():
    details = [{"type": "reasoning.summary", "summary": "Hm."}, {"type": "reasoning.encrypted"}]
    [thought, _] = translated(make.completion("Hi", reasoning_details=details))["content"]
    assert thought["thinking"] == "Hm."


def test_thoughts_between_texts_are_told_where_they_come():
    pieces = [{"content": "a"}, {"reasoning": "b"}, {"content": "c"}]
    events = [*map(make.chunk, pieces), make.chunk({}, "stop"), DONE]
    kinds = [block["type"] for block in folded(streamed(events))["content"]]
    assert kinds == ["text", "thinking", "text"]
    assert [block["type"] for block in translated(joined(events))["content"]] == [
        "thinking",
        "text",
    ]


def test_text_after_a_call_is_told_after_it():
    pieces = [{"tool_calls": [make.call("a", "look", "{}")]}, {"content": "So."}]
    events = [*map(make.chunk, pieces), make.chunk({}, "stop"), DONE]
    assert [b["type"] for b in folded(streamed(events))["content"]] == ["tool_use", "text"]
    assert [b["type"] for b in translated(joined(events))["content"]] == ["text", "tool_use"]


@pytest.mark.parametrize("blank", ["", "\n\n", " "])
def test_white_space_alone_makes_no_block(blank):
    calls = [make.call("a", "look", "{}")]
    answer = make.completion(blank, *calls, reasoning_content=blank)
    assert [b["type"] for b in folded(streamed(make.stream(answer)))["content"]] == ["tool_use"]
    assert [b["type"] for b in translated(answer)["content"]] == ["tool_use"]


def test_white_space_before_a_text_belongs_to_it():
    events = [make.chunk({"content": piece}) for piece in ("\n", "\n", "Hi")]
    events += [make.chunk({}, "stop"), DONE]
    assert folded(streamed(events))["content"] == [{"type": "text", "text": "\n\nHi"}]


@pytest.mark.parametrize(
    ("finish_reason", "stop_reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("content_filter", "refusal"),
        ("sensitive", "refusal"),
        ("model_context_window_exceeded", "model_context_window_exceeded"),
        ("tool_calls", "end_turn"),
        ("function_call", "end_turn"),
        ("something_new", "end_turn"),
        (None, "end_turn"),
    ],
)
def test_finish_reasons_are_translated(finish_reason, stop_reason):
    answer = make.completion("Hi", finish_reason=finish_reason)
    assert translated(answer)["stop_reason"] == stop_reason
    assert folded(streamed(make.stream(answer)))["stop_reason"] == stop_reason


@pytest.mark.parametrize("finish_reason", ["stop", "tool_calls", "function_call", None])
def test_an_answer_with_calls_stops_for_them_whatever_the_vendor_says(finish_reason):
    answer = make.completion(None, make.call("a", "look", "{}"), finish_reason=finish_reason)
    assert translated(answer)["stop_reason"] == "tool_use"
    assert folded(streamed(make.stream(answer)))["stop_reason"] == "tool_use"


def test_refusal_is_told_as_text_and_as_the_reason():
    answer = make.completion(None, refusal="I will not.")
    message = translated(answer)
    assert message["content"] == [{"type": "text", "text": "I will not."}]
    assert message["stop_reason"] == "refusal"
    assert message["stop_details"]["type"] == "refusal"
    assert folded(streamed(make.stream(answer))) == message


@pytest.mark.parametrize("member", ["stop_sequence", "stop_reason"])
def test_stop_sequence_that_the_vendor_names_is_told(member):
    form = AnswerForm(stops=("END",))
    answer = make.completion("Hi")
    answer["choices"][0][member] = "END"
    message = translated(answer, form)
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")
    assert translated(answer)["stop_reason"] == "end_turn"


def test_stop_sequence_that_is_watched_for_ends_the_answer():
    form = AnswerForm(watched=("END", "DNE"))
    events = [make.chunk({"content": piece}) for piece in ("Hi E", "ND", "NE. More.")]
    events += [make.chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]})]
    message = folded(streamed([*events, make.chunk({}, "tool_calls"), DONE], form))
    assert message["content"] == [{"type": "text", "text": "Hi "}]
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")


def test_half_a_call_at_the_limit_is_cut_off_and_no_failure():
    answer = make.completion("Hi", make.call("a", "look", '{"at"'), finish_reason="length")
    message = translated(answer)
    assert (message["stop_reason"], message["content"][1]["input"]) == ("max_tokens", {})
    from_stream = folded(streamed(make.stream(answer)))
    assert from_stream["stop_reason"] == "max_tokens"
    assert len(from_stream["content"]) == 1  # folding leaves half a call out


@pytest.mark.parametrize("arguments", ['{"at"', "[]", "none", '"{}"'])
def test_half_a_call_elsewhere_is_a_failure(arguments):
    answer = make.completion(None, make.call("a", "look", arguments), finish_reason="tool_calls")
    with pytest.raises(UpstreamBroken):
        translated(answer)
    translator = new_stream()
    with pytest.raises(UpstreamBroken):
        [translator.feed(event) for event in make.stream(answer)]
    assert not translator.complete


NUMBERLESS = {
    "whole calls": [
        {"id": "", "function": {"name": "look", "arguments": '{"at":1}'}},
        {"function": {"name": "say", "arguments": {"a": 2}}},
    ],
    "ids and names again and again": [
        {"id": "a", "function": {"name": "look", "arguments": '{"at"'}},
        {"id": "a", "function": {"name": "look", "arguments": ":1}"}},
        {"id": "b", "function": {"name": "say", "arguments": '{"a":2}'}},
    ],
    "one number for all": [
        {"index": 0, "id": "a", "function": {"name": "look", "arguments": '{"at":'}},
        {"index": 0, "function": {"arguments": "1}"}},
        {"index": 0, "id": "b", "function": {"name": "say", "arguments": '{"a":2}'}},
    ],
}


@pytest.mark.parametrize("name", NUMBERLESS)
def test_calls_are_told_apart_however_they_are_numbered(name):
    events = [make.chunk({"tool_calls": [piece]}) for piece in NUMBERLESS[name]]
    content = folded(streamed([*events, make.chunk({}, "stop"), DONE]))["content"]
    assert [(b["name"], b["input"]) for b in content] == [("look", {"at": 1}), ("say", {"a": 2})]
    assert len({block["id"] for block in content}) == 2


def test_call_without_a_name_is_a_failure():
    with pytest.raises(UpstreamBroken):
        streamed(make.stream(make.completion(None, make.call("a", "", "{}"))))


def test_missing_mark_after_a_finish_reason_is_complete():
    events = make.stream(make.completion("Hi"), done=False)
    assert folded(streamed(events))["stop_reason"] == "end_turn"


def test_mark_without_a_finish_reason_is_complete():
    events = [make.chunk({"content": "Hi"}), DONE]
    assert folded(streamed(events))["stop_reason"] == "end_turn"


BROKEN = {
    "only the mark": [DONE],
    "choices that are no list": [{"choices": "a"}],
    "a choice that is no object": [{"choices": ["a"]}],
    "text that is no text": [make.chunk({"content": 1})],
    "calls that are none": [make.chunk({"tool_calls": ["a"]})],
    "a delta that is none": [{"id": "a", "choices": [{"index": 0, "delta": "a"}]}],
    "an error": [make.chunk({"content": "Hi"}), {"error": {"message": "No."}}],
    "given up": [make.chunk({"content": "Hi"}), make.chunk({}, "network_error")],
    "a call that goes on after its end": [
        make.chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]}),
        make.chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
        make.chunk({"content": "Hi"}),
        make.chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
    ],
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_stream_is_a_failure(name):
    translator = new_stream()
    with pytest.raises(UpstreamError):
        [translator.feed(event) for event in BROKEN[name]]
    assert not translator.complete


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"index": 0}]}])
def test_what_is_no_completion_is_a_failure(answer):
    with pytest.raises(UpstreamBroken):
        translated(answer)
