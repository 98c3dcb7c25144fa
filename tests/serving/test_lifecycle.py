"""Deprecated and retired models: what callers are told, and when."""

import datetime as dt
import json

import pytest

from factories import messages as make
from factories.client import HELLO, ask, call
from factories.fake_upstream import events, whole
from isthmus.routing.catalog import Deprecation
from isthmus.serving.lifecycle import day_of, told

SONNET = "claude-sonnet-4-5-20250929"
LAST = dt.date(2026, 11, 30)
DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("deprecation", "today", "says"),
    [
        (Deprecation(LAST, "new"), LAST - DAY, "deprecated, retires 2026-11-30, use new"),
        (Deprecation(LAST, "new"), LAST, "deprecated, retires 2026-11-30, use new"),
        (
            Deprecation(LAST, "new"),
            LAST + DAY,
            "deprecated, its retirement date 2026-11-30 has passed, use new",
        ),
        (Deprecation(LAST, None), LAST, "deprecated, retires 2026-11-30"),
        (Deprecation(None, "new"), LAST, "deprecated, use new"),
    ],
)
def test_last_day_is_told_until_and_after_it_has_passed(deprecation, today, says):
    assert told(deprecation, today) == says


def test_days_are_those_of_utc():
    assert day_of(1_796_083_199) == dt.date(2026, 11, 30)
    assert day_of(1_796_083_200) == dt.date(2026, 12, 1)


@pytest.mark.parametrize("name", [SONNET, "claude-sonnet-4-5", "anthropic/claude-4.5-sonnet"])
def test_deprecated_model_answers_with_a_note(gateway, primary, name):
    primary.will(whole(make.message(make.text("Hello."))))
    answer = ask(gateway, {**HELLO, "model": name, "max_tokens": 9})
    warnings = answer.headers["x-isthmus-warnings"]
    assert warnings.startswith("note: model: deprecated, ")
    assert "2026-11-30" in warnings
    assert warnings.endswith(", use claude-sonnet-5-5")


def test_note_is_no_warning_to_strict_callers(gateway, primary):
    primary.will(whole(make.message(make.text("Hello."))))
    document = {**HELLO, "model": SONNET, "max_tokens": 9}
    assert ask(gateway, document, x_isthmus_strict="1").status == 200


def test_note_stands_in_the_last_comment_of_a_stream(gateway, primary):
    primary.will(events(make.stream(make.message(make.text("Hello.")))))
    answer = ask(gateway, {**HELLO, "model": SONNET, "stream": True})
    said = json.loads(answer.comments[-1].removeprefix("isthmus "))
    assert [(one["slug"], one["kind"]) for one in said["warnings"]] == [
        ("model.deprecated", "note")
    ]


def test_active_model_says_nothing(gateway, primary):
    primary.will(whole(make.message(make.text("Hello."))))
    answer = ask(gateway, {**HELLO, "model": "claude-sonnet-4-6", "max_tokens": 9})
    assert "x-isthmus-warnings" not in answer.headers


def test_list_says_how_long_models_live(gateway):
    entries = {entry["id"]: entry for entry in call(gateway, "GET", "/v1/models").document["data"]}
    old, new = entries[SONNET], entries["claude-sonnet-5-5"]
    assert (old["lifecycle"], old["retires_at"]) == ("deprecated", "2026-11-30T00:00:00Z")
    assert (new["lifecycle"], new["retires_at"], new["deprecated_at"]) == ("active", None, None)
    assert old["deprecated_at"] is None


def test_retired_model_is_refused_naming_its_successor(gateway):
    answer = ask(gateway, {**HELLO, "model": "claude-3-opus-20240229"})
    assert (answer.status, answer.error["code"]) == (404, "model_retired")
    assert "'claude-opus-5-5'" in answer.error["message"]
