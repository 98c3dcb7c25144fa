"""The lines of the log: one for each call, incident and record, without secrets."""

import logging
import re
import sys

import pytest

from isthmus.call import Attempt, Incident, Outcome, Usage
from isthmus.telemetry.log import CallLog
from isthmus.telemetry.records import REQUEST_ID, SinkHandler


class Kept:
    """Keeps lines instead of writing them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)

    @property
    def line(self) -> str:
        (line,) = self.lines
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line)
        return line.split(" ", 1)[1]


@pytest.fixture
def kept() -> Kept:
    return Kept()


def record(message: str, *arguments: object, exc_info=None) -> logging.LogRecord:
    return logging.LogRecord("isthmus", logging.ERROR, "f", 1, message, arguments, exc_info)


def test_call_is_a_line_of_pairs(kept):
    CallLog(kept.write).ended(
        Outcome(
            request_id="req_1", endpoint="POST /v1/chat", principal="config:x", model="m",
            ending="failed", status=200, error="stalled", seconds=1.5,
            attempts=[Attempt(upstream="main", model="m", base_url="u")],
            usage=Usage(input_tokens=1, cache_read_tokens=2, output_tokens=3),
        )
    )  # fmt: skip
    assert kept.line == (
        "call request=req_1 endpoint=POST_/v1/chat status=200 ending=failed seconds=1.500 "
        "principal=config:x model=m error=stalled upstream=main attempts=1 prompt_tokens=3 "
        "completion_tokens=3 cost=unpriced"
    )


def test_path_cannot_write_lines_of_its_own_or_keys(kept):
    CallLog(kept.write, ["my-own-secret"]).ended(
        Outcome(request_id="r", endpoint="GET /a\nb my-own-secret/sk-ant-api03-abcdefghijkl")
    )
    assert "endpoint=GET_/a_b_[redacted]/[redacted] " in kept.line


def test_incident_is_a_line_of_pairs(kept):
    CallLog(kept.write).noticed(
        Incident(
            kind="ejected", upstream="main", base_url="https://a", reason='"no" way', seconds=30
        )
    )
    assert kept.line == (
        "incident kind=ejected upstream=main base_url=https://a "
        'reason="\\"no\\" way" seconds=30.000'
    )


def test_record_is_one_line_with_its_request(kept):
    token = REQUEST_ID.set("req_1")
    SinkHandler(kept).emit(record("two\nlines and %s", "more"))
    REQUEST_ID.reset(token)
    assert kept.line == (
        'log level=error logger=isthmus request=req_1 message="two\\nlines and more"'
    )


def test_record_outside_of_a_request_names_none(kept):
    SinkHandler(kept).emit(record("hello"))
    assert kept.line == 'log level=error logger=isthmus message="hello"'


def test_trace_is_part_of_the_line_and_holds_no_secret(kept):
    try:
        int("my-own-secret")
    except ValueError:
        SinkHandler(kept, ["my-own-secret"]).emit(record("oh", exc_info=sys.exc_info()))
    assert 'message="oh" trace="Traceback (most recent call last):\\n' in kept.line
    assert "literal for int() with base 10: '[redacted]'" in kept.line


def test_record_that_does_not_fit_its_arguments_is_not_lost_in_silence(kept, capsys):
    SinkHandler(kept).emit(record("%d", "no number"))
    assert kept.lines == []
    assert "Logging error" in capsys.readouterr().err
