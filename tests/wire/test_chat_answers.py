"""Chat answers are read in all the ways that vendors write them."""

import pytest
from hypothesis import given

from factories import completions as make
from isthmus.call import Usage
from isthmus.errors import UpstreamBroken
from isthmus.wire.chat.events import DONE, decode, is_content
from isthmus.wire.chat.fold import Fold
from isthmus.wire.chat.usage import usage_document, usage_of
from isthmus.wire.messages.events import framed
from isthmus.wire.messages.usage import usage_document as messages_usage
from isthmus.wire.messages.usage import usage_of as messages_usage_of
from isthmus.wire.sse import Decoder, ServerEvent


def folded(events: list) -> dict:
    fold = Fold()
    for event in events:
        fold.feed(event)
    fold.close()
    assert fold.complete
    return fold.completion


def test_folding_a_stream_gives_the_answer_it_was_made_from():
    calls = [make.call("a", "look", '{"at": 1}'), make.call("b", "say", "{}")]
    answer = make.completion("Hi", *calls, finish_reason="tool_calls", reasoning_content="Hm.")
    assert folded(make.stream(answer)) == answer


def test_thoughts_in_details_fold_to_one_entry():
    entries = [{"type": "reasoning.text", "text": text} for text in ("a", "b")]
    events = [make.chunk({"reasoning_details": [entry]}) for entry in entries]
    message = folded([*events, make.chunk({}, "stop")])["choices"][0]["message"]
    assert message["reasoning_details"] == [{"type": "reasoning.text", "text": "ab"}]


def test_text_in_parts_is_read_without_what_is_no_text():
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Hi"}]
    events = [make.chunk({"content": parts}, "stop")]
    assert folded(events)["choices"][0]["message"]["content"] == "Hi"


def test_usage_inside_of_the_choice_is_read():
    last = make.chunk({}, "stop")
    last["choices"][0]["usage"] = {"prompt_tokens": 3, "completion_tokens": 2}
    completion = folded([make.chunk({"content": "Hi"}), last])
    assert usage_of(completion) == Usage(input_tokens=3, output_tokens=2)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2}, Usage(input_tokens=9, output_tokens=2)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
                "completion_tokens_details": {"reasoning_tokens": 1},
            },
            Usage(
                input_tokens=2,
                cache_read_tokens=4,
                cache_write_5m_tokens=3,
                output_tokens=5,
                thinking_tokens=1,
            ),
        ),
        (
            {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "prompt_tokens_details": None},
            Usage(input_tokens=5, cache_read_tokens=4),
        ),
        ({"prompt_tokens": 9, "cached_tokens": 4}, Usage(input_tokens=5, cache_read_tokens=4)),
        ({"prompt_tokens": 3, "cached_tokens": 4}, Usage(cache_read_tokens=3)),
        ({"prompt_tokens": -1, "completion_tokens": "many"}, Usage()),
        ({"prompt_tokens": True, "completion_tokens": 1e30}, Usage(output_tokens=1 << 40)),
    ],
)
def test_usage_is_read_wherever_vendors_write_it(told, read):
    assert usage_of({"usage": told}) == read


def test_usage_that_is_not_told_is_none():
    assert usage_of({"usage": None}) is None
    assert usage_of({}) is None


@given(make.USAGES)
def test_usage_says_the_same_in_both_protocols(told):
    usage = usage_of({"usage": told})
    again = usage_of({"usage": usage_document(usage)})
    assert messages_usage_of({"usage": messages_usage(usage)}).prompt_tokens == usage.prompt_tokens
    assert again.prompt_tokens == usage.prompt_tokens == told["prompt_tokens"]
    assert again.cache_read_tokens == usage.cache_read_tokens


@pytest.mark.parametrize("data", [b"[DONE]", b" [DONE]\r"])
def test_mark_is_no_chunk(data):
    assert decode(ServerEvent("message", data)) is DONE


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b"{", b'{"a":\xff}'])
def test_event_that_is_no_chunk_is_broken(data):
    with pytest.raises(UpstreamBroken):
        decode(ServerEvent("message", data))


@pytest.mark.parametrize(
    ("event", "shows"),
    [
        (DONE, True),
        (make.chunk({"role": "assistant", "content": ""}), False),
        (make.chunk({"content": "Hi"}), True),
        (make.chunk({"refusal": "No"}), True),
        (make.chunk({"reasoning": "Hm."}), True),
        (make.chunk({"reasoning_details": []}), False),
        (make.chunk({"tool_calls": [{"index": 0}]}), True),
        (make.chunk({}, "stop"), True),
    ],
)
def test_content_is_told_from_its_announcement(event, shows):
    assert is_content(event) is shows


def test_events_are_written_with_their_names():
    raw = framed({"type": "ping"})
    assert raw == b'event: ping\ndata: {"type":"ping"}\n\n'
    assert Decoder().feed(raw) == [ServerEvent("ping", b'{"type":"ping"}')]
