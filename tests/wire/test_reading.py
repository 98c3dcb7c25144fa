"""Reading a Messages stream: the short way must give what the long way gives."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import messages as make
from isthmus.wire import sse
from isthmus.wire.messages.events import TextRun
from isthmus.wire.messages.reading import EventReader


def read(reader: EventReader, *chunks: bytes) -> list[dict]:
    """Feed chunks; return all events as documents."""
    arrived = [event for chunk in chunks for event in reader.feed(chunk)]
    return [
        document
        for event in arrived
        for document in (event.events if isinstance(event, TextRun) else [event])
    ]


def delta(text: str, index: int = 0, pattern: str = "") -> bytes:
    pattern = pattern or (
        '{"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%s}}'
    )
    return b"event: content_block_delta\ndata: %b\n\n" % (pattern % (index, text)).encode()


@given(make.ANSWERS, st.integers(1, 30), st.integers(1, 400))
def test_any_split_gives_the_events_that_were_sent(answer, pieces, size):
    events = make.stream(answer, pieces)
    sent = make.framed(events)
    chunks = [sent[at : at + size] for at in range(0, len(sent), size)]
    assert read(EventReader(), *chunks) == events


TEXTS = st.one_of(
    st.text(),
    st.sampled_from(["index", "text", "0", '"', "\\", '":0,"', "text_delta", "\x7f", "\n"]),
)


@given(st.lists(st.tuples(TEXTS, st.booleans(), st.integers(0, 2), st.integers(0, 3))))
def test_deltas_written_in_any_way_are_read_as_they_are(deltas):
    patterns = (
        '{"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%s}}',
        '{"type": "content_block_delta", "index": %d, "delta": {"text": %s, "type": "text_delta"}}',
        '{"index":%d,"delta":{"text":%s,"type":"text_delta"},"type":"content_block_delta"}   ',
        '{"delta":{"type":"text_delta"},"index":%d,"text":%s,"type":"content_block_delta"}',
    )
    sent = b"".join(
        delta(json.dumps(text, ensure_ascii=plain), index, patterns[which])
        for text, plain, index, which in deltas
    )
    expected = [json.loads(frame.data) for frame in sse.Decoder().feed(sent)]
    assert read(EventReader(), sent) == expected


def test_texts_in_a_row_arrive_together_and_undecoded():
    (first,) = EventReader().feed(delta('"a"'))
    reader = EventReader()
    arrived = reader.feed(delta('"a"') + delta('"b"') + delta('"c"'))
    assert first == TextRun(0, "text_delta", [b'"a"'])
    assert arrived == [
        TextRun(0, "text_delta", [b'"a"']),
        TextRun(0, "text_delta", [b'"b"', b'"c"']),
    ]


@pytest.mark.parametrize("text", ['"\\u00e9"', '"a\\/b"', '""', '"\\u0000"', "null", "1", '"half'])
def test_what_is_not_a_plain_text_is_decoded(text):
    reader = EventReader()
    reader.feed(delta('"a"'))
    arrived = reader.feed(delta(text))
    assert not any(isinstance(event, TextRun) for event in arrived)
    assert bool(reader.failure) == (text == '"half')


def test_invalid_utf8_in_a_text_is_no_event():
    reader = EventReader()
    reader.feed(delta('"a"'))
    assert reader.feed(delta('"a"').replace(b'"a"', b'"\xff"')) == []
    assert reader.failure is not None


def test_nothing_is_read_after_an_error():
    reader = EventReader()
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'
    arrived = reader.feed(delta('"a"') + error + delta('"b"'))
    assert arrived == [TextRun(0, "text_delta", [b'"a"'])]
    assert reader.failure.upstream_status == 529


def test_nothing_is_read_after_what_is_no_event():
    reader = EventReader()
    assert reader.feed(delta('"a"') + b"data: {\n\n" + delta('"b"')) == [
        TextRun(0, "text_delta", [b'"a"'])
    ]
    assert reader.failure is not None
