"""A chat stream that is passed on: the same bytes, whole only where it is, and no facts lost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import completions as make
from isthmus.errors import InvalidRequest
from isthmus.wire.chat.events import DONE
from isthmus.wire.chat.passed import PassedReader, PassedRequest
from isthmus.wire.chat.usage import usage_of


def read(pieces: list[bytes], *, choices: int = 1, wants_usage: bool = True):
    reader, out = PassedReader(choices=choices, wants_usage=wants_usage), b""
    for piece in pieces:
        reader.feed(piece)
        out += reader.frames
    reader.close()
    return reader, out


def without_mark(events: list) -> bytes:
    return make.framed([event for event in events if event is not DONE])


@given(make.ANSWERS, st.data())
def test_any_split_gives_the_same_bytes_and_the_same_usage(answer, data):
    raw = make.framed(make.stream(answer))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    reader, out = read([piece for piece in pieces if piece])
    assert out == without_mark(make.stream(answer))
    assert (reader.complete, reader.failure) == (True, None)
    assert reader.usage == usage_of(answer)


@given(make.ANSWERS, st.data())
def test_truncated_stream_is_never_complete(answer, data):
    events = make.stream(answer)
    cut = data.draw(st.integers(0, len(events) - 4))
    reader, out = read([make.framed(events[:cut])])
    assert not reader.complete
    assert out == make.framed(events[:cut])


@given(make.ANSWERS, st.data())
def test_events_that_nobody_knows_go_through(answer, data):
    events = make.stream(answer)
    at = data.draw(st.integers(0, len(events) - 1))
    events = [*events[:at], {"mystery": [1]}, *events[at:]]
    assert read([make.framed(events)])[1] == without_mark(events)


@given(make.ANSWERS)
def test_usage_that_nobody_asked_for_is_read_and_left_out(answer):
    events = make.stream(answer)
    reader, out = read([make.framed(events)], wants_usage=False)
    assert reader.usage == usage_of(answer)
    assert out == without_mark([e for e in events if e is DONE or e["choices"]])


@pytest.mark.parametrize(
    "broken",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b'data: {"choices":7}\n\n',
        b'data: {"choices":[7]}\n\n',
        b'data: {"error":{"message":"No."}}\n\n',
    ],
)
def test_nothing_is_read_after_what_is_no_chunk(broken):
    good = make.framed(make.stream(make.completion("Hello."))[:2])
    reader, out = read([good + broken + good])
    assert reader.failure is not None
    assert out == good


def test_mark_alone_is_no_answer():
    reader, _ = read([b"data: [DONE]\n\n"])
    assert (reader.complete, reader.failure is None) == (False, False)


def test_what_stands_twice_in_a_request_collapses_to_the_last():
    sent = PassedRequest(b'{"model":"a","temperature":0,"temperature":1.50}').body("b")
    assert sent == b'{"model":"b","temperature":1.50}'


@pytest.mark.parametrize(("name", "value"), [("stream", 1), ("n", True), ("stream_options", [])])
def test_members_that_have_to_be_understood_are_named(name, value):
    with pytest.raises(InvalidRequest, match=f"'{name}' must be"):
        PassedRequest(json.dumps({name: value}).encode())
