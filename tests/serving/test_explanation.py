"""Live explanations: a summary of the rules that applied, for callers who ask for it."""

import json

from factories import messages as make
from factories.client import HELLO, ask
from factories.fake_upstream import error, events, whole

GOOD = make.message(make.text("Hello."))


def test_answer_says_what_applied_changes_first(gateway, primary):
    primary.will(whole(GOOD))
    document = {**HELLO, "stop": "x", "max_tokens": 9, "seed": 1}
    answer = ask(gateway, document, x_isthmus_explain="1")
    assert answer.headers["x-isthmus-explain"].split("; ") == [
        "seed.dropped=seed",
        "user.text=messages[] user",
        "max_tokens.kept=max_tokens, max_completion_tokens",
        "stop.sequences=stop",
    ]


def test_nobody_is_told_who_does_not_ask(gateway, primary):
    primary.will(whole(GOOD), whole(GOOD))
    document = {**HELLO, "max_tokens": 9}
    assert "x-isthmus-explain" not in ask(gateway, document).headers
    assert "x-isthmus-explain" not in ask(gateway, document, x_isthmus_explain="0").headers


def test_stream_says_it_in_its_head_and_in_its_last_comment(gateway, primary):
    primary.will(events(make.stream(GOOD)))
    answer = ask(gateway, {**HELLO, "stream": True}, x_isthmus_explain="1")
    said = json.loads(answer.comments[-1].removeprefix("isthmus "))
    assert said["explain"] == answer.headers["x-isthmus-explain"]
    assert "stream.options=stream, stream_options" in said["explain"]


def test_summary_is_ascii_and_keeps_within_two_kilobytes(gateway, primary):
    primary.will(whole(GOOD))
    unknown = {f"feld-ü-{number:03}-{'x' * 40}": 1 for number in range(99)}
    answer = ask(gateway, {**HELLO, **unknown, "max_tokens": 9}, x_isthmus_explain="1")
    summary = answer.headers["x-isthmus-explain"]
    assert summary.isascii()
    assert len(summary) <= 2048
    shown = summary.split("; ")
    assert shown[-1] == f"+{99 + 2 - (len(shown) - 1)}"


def test_answer_is_explained_for_the_route_that_answered(gateway, primary, backup):
    primary.will(error(429, "rate_limit_error"))
    backup.will(events(make.stream(GOOD)))
    document = {**HELLO, "model": "mine/two.targets", "temperature": 0.5}
    answer = ask(gateway, document, x_isthmus_explain="1")
    assert answer.headers["x-isthmus-explain"].startswith("temperature.dropped=temperature; ")
