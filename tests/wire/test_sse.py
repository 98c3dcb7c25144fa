"""Server-sent events come out the same however their bytes are split."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.wire.sse import Decoder, EventTooLarge, ServerEvent, comment, data_frame, named_frame

TRICKY = (
    "\ufeffevent: a\r\ndata: one\u2028two\r\ndata:three\r\n\r\n"
    ": comment\n\ndata: \u0085\U0001f600\r\rid: 1\nretry: 5\ndata\n\n"
    "event: only a name\n\nnonsense\ndata:  two spaces\n\n"
).encode()
EXPECTED = [
    ServerEvent("a", "one\u2028two\nthree".encode()),
    ServerEvent("message", "\u0085\U0001f600".encode()),
    ServerEvent("message", b""),
    ServerEvent("message", b" two spaces"),
]


def decoded(chunks: list[bytes]) -> list[ServerEvent]:
    decoder = Decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def test_events_are_read_from_one_piece():
    assert decoded([TRICKY]) == EXPECTED


def test_events_are_read_byte_by_byte():
    assert decoded([bytes([byte]) for byte in TRICKY]) == EXPECTED


@given(st.lists(st.integers(0, len(TRICKY)), max_size=12))
def test_any_split_gives_the_same_events(cuts):
    edges = [0, *sorted(cuts), len(TRICKY)]
    assert decoded([TRICKY[a:b] for a, b in pairwise(edges)]) == EXPECTED


@given(st.binary(max_size=60).map(lambda b: b.replace(b"x", b"\ndata:")), st.integers(0, 60))
def test_any_bytes_decode_the_same_in_two_pieces(stream, cut):
    assert decoded([stream[:cut], stream[cut:]]) == decoded([stream])


def test_event_without_its_blank_line_is_not_dispatched():
    decoder = Decoder()
    assert decoder.feed(b"data: 1\n\ndata: 2\n") == [ServerEvent("message", b"1")]
    assert decoder.tail


def test_nothing_is_left_after_a_whole_event():
    decoder = Decoder()
    decoder.feed(b"data: 1\r\n\r\n")
    assert not decoder.tail


def test_endless_event_is_refused():
    decoder = Decoder(limit=100)
    with pytest.raises(EventTooLarge):
        decoder.feed(b"data: " + b"x" * 100)


@pytest.mark.parametrize("line", [b"data: x\n", b": x\r\n", b"x", b"event: \xe2\x80\xa8\r"])
def test_whatever_has_no_blank_line_is_refused_at_the_limit(line):
    decoder, fed = Decoder(limit=1000), 0
    with pytest.raises(EventTooLarge):
        while fed < 2000:
            fed += len(line)
            assert decoder.feed(line) == []
    assert 1000 <= fed < 1300


def test_what_is_framed_is_read_back():
    frames = data_frame(b'{"a":1}') + comment("ping") + named_frame("end", b"{}")
    assert decoded([frames]) == [ServerEvent("message", b'{"a":1}'), ServerEvent("end", b"{}")]
