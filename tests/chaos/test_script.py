from __future__ import annotations

import json
from typing import Any

import httptools
import pytest

from faults import BY_NAME, FAULTS, Fault
from isthmus.wire.messages import events
from isthmus.wire.messages.fold import Fold
from isthmus.wire.sse import Decoder
from marker import wanted
from script import Script, written

ANSWER_ID = "msg_5eed-000001_a_1_1"
WANTED = wanted("5eed-000001", tools=True)


class Reader:
    """Reads an HTTP answer; ``whole`` once it has ended as its framing demands."""

    def __init__(self, script: Script) -> None:
        self.body, self.whole = b"", False
        parser = httptools.HttpResponseParser(self)
        for piece in script.pieces:
            parser.feed_data(piece)
        self.status = parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True


def folded(body: bytes) -> Fold:
    fold = Fold()
    for frame in Decoder().feed(body):
        event = events.decode(frame)
        for each in event.events if isinstance(event, events.TextRun) else [event]:
            fold.feed(each)
    fold.close()
    return fold


def check(message: dict[str, Any]) -> None:
    """Check that a message is the answer that was to be given."""
    assert message["content"][0]["text"] == WANTED.text
    assert message["content"][1]["input"] == WANTED.arguments
    assert message["usage"]["output_tokens"] == WANTED.output_tokens
    assert message["stop_reason"] == "tool_use"


@pytest.mark.parametrize("fault", [None, BY_NAME["slow trickle"]])
@pytest.mark.parametrize("slow", [True, False])
def test_a_good_answer_is_whole_at_any_pace(fault: Fault | None, slow: bool) -> None:
    for stream in (True, False):
        script = written(WANTED, ANSWER_ID, stream=stream, fault=fault, slow=slow)
        reader = Reader(script)
        assert (reader.status, reader.whole, script.ending) == (200, True, "keep")
        check(folded(reader.body).message if stream else json.loads(reader.body))


def test_an_answer_that_is_torn_is_the_same() -> None:
    scripts = [written(WANTED, f"msg_{n}", stream=True, fault=None) for n in range(20)]
    assert len({len(script.pieces) for script in scripts}) > 1
    for script in scripts:
        check(folded(Reader(script).body).message)


INSTEAD_OF_A_STREAM = [fault for fault in FAULTS if fault.how not in ("trickle", "status")]


@pytest.mark.parametrize("fault", INSTEAD_OF_A_STREAM, ids=lambda fault: fault.name)
def test_no_fault_leaves_a_whole_answer(fault: Fault) -> None:
    for number in range(20):
        script = written(WANTED, f"msg_{number}", stream=True, fault=fault)
        body = Reader(script).body if script.pieces else b""
        assert b"message_stop" not in body or fault.how == "garbage"
        assert (b"text_delta" in body) == (fault.when == "after")
        assert fault.how != "error" or b"overloaded_error" in body


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_spoils_a_document_too(fault: Fault) -> None:
    script = written(WANTED, ANSWER_ID, stream=False, fault=fault)
    reader = Reader(script) if script.pieces else None
    good = reader is not None and reader.whole and reader.status == 200
    assert (good and reader.body.startswith(b'{"id"') and reader.body.endswith(b"}")) == (
        fault.how == "trickle"
    )
    assert fault.how != "status" or (reader is not None and reader.status == fault.status)
