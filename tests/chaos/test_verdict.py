from __future__ import annotations

import json
from typing import Any

import pytest

from caller import End, Heard
from marker import TOOL, Wanted, wanted
from question import Question
from verdict import Verdict, judged

MARKER = "5eed-000001"
ERROR = {"error": {"message": "No.", "type": "upstream_error", "param": None, "code": "overloaded"}}
STREAM = {"content-type": "text/event-stream; charset=utf-8"}
JSON = {"content-type": "application/json"}


def asked(**more: Any) -> Question:
    given: dict[str, Any] = {"stream": True, "tools": True, "usage": True, "keep_alive": True}
    given |= {"marker": MARKER, "model": "m", "max_tokens": 9, "manner": "plain"}
    return Question(**(given | more))


def heard(body: bytes, status: int = 200, end: End = "framed", **headers: str) -> Heard:
    kind = JSON if status != 200 or body.startswith(b"{") else STREAM
    return Heard(1.0, 2.0, 2.0, end, status, {**kind, **headers}, [body])


def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}
    return {"id": "chatcmpl-1", "model": "m", "choices": [choice], **more}


def chunks(answer: Wanted) -> list[Any]:
    """A good stream, one document for each frame."""
    call = {"index": 0, "function": {"name": TOOL, "arguments": json.dumps(answer.arguments)}}
    usage = {"prompt_tokens": answer.input_tokens, "completion_tokens": answer.output_tokens}
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": piece}) for piece in answer.pieces),
        chunk({"tool_calls": [call]}),
        chunk({}, finish_reason="tool_calls"),
        {"id": "chatcmpl-1", "model": "m", "choices": [], "usage": usage},
        "[DONE]",
    ]


def framed(documents: list[Any]) -> bytes:
    texts = [text if isinstance(text, str) else json.dumps(text) for text in documents]
    return b": keep-alive\n\n" + "".join(f"data: {text}\n\n" for text in texts).encode()


GOOD = chunks(wanted(MARKER, tools=True))
OTHERS = chunks(wanted("5eed-000002", tools=True))
PART = GOOD[:2]
#: Streams that should not be, with the end of their connection.
WRONG: dict[str, tuple[list[Any], End]] = {
    "done without a finish": ([*PART, "[DONE]"], "framed"),
    "done without the call": ([part for part in GOOD if "tool_calls" not in str(part)], "framed"),
    "a piece is missing": ([*GOOD[:1], *GOOD[2:]], "framed"),
    "a piece comes twice": ([*PART, *GOOD[1:]], "framed"),
    "somebody else's": (OTHERS, "framed"),
    "mixed": ([*PART, *OTHERS[1:]], "framed"),
    "mixed, then broken off": ([*PART, OTHERS[1], ERROR], "eof"),
    "no usage": ([*GOOD[:-2], "[DONE]"], "framed"),
    "a clean end without a word": (PART, "framed"),
    "a clean end after an error": ([*PART, ERROR], "framed"),
    "an error and done": ([*PART, ERROR, "[DONE]"], "eof"),
    "done, and an unclean end": (GOOD, "eof"),
    "more after the end": ([*GOOD, PART[0]], "framed"),
    "two ids": ([{**GOOD[0], "id": "chatcmpl-2"}, *GOOD[1:]], "framed"),
    "an error without a message": ([*PART, {"error": {"type": "x"}}], "eof"),
    "never ended": (PART, "hung"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_stream_that_should_not_be_is_a_finding(name: str) -> None:
    documents, end = WRONG[name]
    assert judged(asked(), heard(framed(documents), end=end)).kind == "finding"


def test_a_good_stream_is_complete() -> None:
    verdict = judged(asked(), heard(framed(GOOD)))
    assert verdict == Verdict("complete", "stream", began=True, answer_id="chatcmpl-1")


@pytest.mark.parametrize(("documents", "began"), [(PART, True), (GOOD[:1], False)])
def test_an_error_in_a_stream_that_breaks_off_is_honest(documents: list[Any], began: bool) -> None:
    verdict = judged(asked(), heard(framed([*documents, ERROR]), end="eof"))
    assert verdict == Verdict("error", "in stream overloaded", began, "chatcmpl-1")


def test_half_a_frame_is_no_finding_where_the_connection_broke() -> None:
    broken = framed(PART) + b'data: {"id'
    assert judged(asked(), heard(broken, end="reset")).kind == "cut"
    assert judged(asked(), heard(broken)).kind == "finding"


def whole(**more: Any) -> Heard:
    answer = wanted(MARKER, tools=False)
    usage = {"prompt_tokens": answer.input_tokens, "completion_tokens": answer.output_tokens}
    choice = {"message": {"content": answer.text}, "finish_reason": "stop"}
    document = {"id": "chatcmpl-1", "model": "m", "choices": [choice], "usage": usage, **more}
    return heard(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("changed", "kind"), [({}, "complete"), ({"model": "n"}, "finding"), ({"usage": {}}, "finding")]
)
def test_a_whole_answer_is_complete_if_all_of_it_is_right(
    changed: dict[str, Any], kind: str
) -> None:
    assert judged(asked(stream=False, tools=False), whole(**changed)).kind == kind


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (503, ERROR, "error"),
        (503, {"detail": "No."}, "finding"),
        (401, ERROR, "finding"),
        (400, ERROR, "finding"),
    ],
)
def test_an_http_error_is_honest_if_it_is_one_of_an_upstreams(
    status: int, document: dict[str, Any], kind: str
) -> None:
    assert judged(asked(), heard(json.dumps(document).encode(), status)).kind == kind


def test_what_a_client_that_left_had_heard_must_have_been_its_own() -> None:
    leaving = asked(manner="leaves")
    assert judged(leaving, heard(framed(PART), end="left")).kind == "cancelled"
    assert judged(leaving, heard(framed(OTHERS[:2]), end="left")).kind == "finding"
