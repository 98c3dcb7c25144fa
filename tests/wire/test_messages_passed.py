"""A Messages stream that is passed on: the same bytes, and whole only where it is."""

from hypothesis import given
from hypothesis import strategies as st

from factories import messages as make
from isthmus.wire.messages.events import TextRun
from isthmus.wire.messages.reading import EventReader
from isthmus.wire.messages.tally import Tally
from isthmus.wire.messages.usage import usage_of


def read(pieces: list[bytes]) -> tuple[Tally, bytes]:
    reader, tally, out = EventReader(), Tally(), b""
    for piece in pieces:
        for event in reader.feed(piece):
            if not isinstance(event, TextRun):
                tally.take(event)
        out += reader.frames
    tally.close()
    return tally, out


@given(make.ANSWERS, st.data())
def test_any_split_gives_the_same_bytes_and_the_usage_of_the_whole(answer, data):
    raw = make.framed(make.stream(answer))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    tally, out = read(pieces)
    assert (out, tally.complete) == (raw, True)
    assert tally.usage == usage_of(answer)


@given(make.ANSWERS, st.data())
def test_truncated_stream_is_never_complete(answer, data):
    events = make.stream(answer)
    cut = data.draw(st.integers(0, len(events) - 3))
    tally, out = read([make.framed(events[:cut])])
    assert not tally.complete
    assert out == make.framed(events[:cut])


@given(make.ANSWERS, st.data())
def test_events_that_nobody_knows_go_through_and_change_nothing(answer, data):
    events = make.stream(answer)
    at = data.draw(st.integers(0, len(events) - 1))
    events = [*events[:at], {"type": "mystery", "index": 99}, *events[at:]]
    tally, out = read([make.framed(events)])
    assert (out, tally.complete) == (make.framed(events), True)
    assert tally.usage == usage_of(answer)
