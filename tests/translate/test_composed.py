"""Responses over Chat Completions: what one translation tells, the other understands."""

import json

from hypothesis import assume, given
from hypothesis import strategies as st

from factories import completions as make
from factories.responses import HEAD, as_values, fold, form, validated, validated_response
from isthmus.serving.over_chat import Asking, ChatAnswer
from isthmus.translate.messages_over_chat.form import AnswerForm
from isthmus.translate.messages_over_chat.signature import Seal
from isthmus.translate.responses_over_messages.response import response
from isthmus.translate.responses_over_messages.stream import ResponseStream
from isthmus.wire.responses.events import TERMINAL

ASKING = Asking(model="m", request_id="req_1", keys=())
SHOWN = AnswerForm(seal=Seal(key=b"k" * 32), thoughts="shown")


def told(pieces: list[bytes]) -> list[dict] | None:
    """Translate a chat stream twice; None where its answer is not whole."""
    reader, stream = ChatAnswer(SHOWN, ASKING).reader(), ResponseStream(head=HEAD, form=form())
    events: list = []
    for piece in pieces:
        for event in reader.feed(piece):
            events += stream.feed(event)
    for event in reader.close():
        events += stream.feed(event)
    stream.close()
    assert reader.failure is None
    assert not TERMINAL.intersection(event["type"] for event in events)
    return json.loads(json.dumps(events + stream.finish(2))) if stream.complete else None


def whole(answer: dict) -> dict:
    message = ChatAnswer(SHOWN, ASKING).whole(answer, b"").message
    return response(message, head=HEAD, form=form(), completed_at=2)


@given(make.ANSWERS, st.integers(1, 4))
def test_stream_folds_to_the_translation_of_the_whole_answer(answer, pieces):
    # Half a call, and what a refusal takes back, can only be told of a whole answer.
    assume(answer["choices"][0]["finish_reason"] not in ("length", "content_filter"))
    events = told([make.framed(make.stream(answer, pieces))])
    assert as_values(fold(events)) == as_values(whole(answer))


@given(make.ANSWERS)
def test_everything_said_is_known_to_the_official_client(answer):
    for event in told([make.framed(make.stream(answer))]):
        validated(event)
    validated_response(whole(answer))


@given(make.ANSWERS, st.data())
def test_any_split_says_the_same(answer, data):
    raw = make.framed(make.stream(answer))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert fold(told(pieces)) == fold(told([raw]))


@given(make.ANSWERS, st.data())
def test_truncated_stream_never_completes(answer, data):
    events = make.stream(answer)
    cut = data.draw(st.integers(0, len(events) - 4))
    assert told([make.framed(events[:cut])]) is None


@given(make.ANSWERS, st.data())
def test_events_that_nobody_knows_change_nothing(answer, data):
    events = make.stream(answer)
    at = data.draw(st.integers(1, len(events) - 1))
    strange = [*events[:at], {"mystery": 1}, *events[at:]]
    assert told([make.framed(strange)]) == told([make.framed(events)])
