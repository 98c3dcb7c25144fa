from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from caller import Heard
from cause import EXCUSED, FINE, Inquiry
from journal import Journals
from question import Question
from verdict import Kind, Verdict
from weather import Almanac

MARKER = "5eed-000001"
QUESTION = Question(MARKER, "m", True, True, True, 9, True, "leaves")
HEARD = Heard(asked=10.0, ended=11.0, end="framed", status=503)
ERROR = Verdict("error", "503 overloaded")

Line = dict[str, Any]
Spells = tuple[tuple[str, str], ...]


def attempt(upstream: str, fault: str | None, how: str = "sent", **at: float) -> list[Line]:
    """The lines of one attempt, between 10.1 and 10.5 if not ``at`` other times."""
    line = {"upstream": upstream, "marker": MARKER, "id": f"msg_{upstream}", "fault": fault}
    arrived = {**line, "what": "arrived", "at": at.get("arrived", 10.1)}
    return [arrived, {**line, "what": "ended", "how": how, "at": at.get("ended", 10.5)}]


@pytest.fixture
def outcome(tmp_path: Path):
    """Look into a question, given the lines of the journals and what was the case meanwhile."""

    def look(lines: list[Line], verdict: Verdict = ERROR, spells: Spells = ()) -> str:
        journals, almanac = Journals(), Almanac()
        (tmp_path / "journal").write_text("\n".join(map(json.dumps, lines)))
        journals.read(tmp_path / "journal")
        for of, what in spells:
            almanac.note(of, what, 9.0, 12.0)
        return Inquiry(almanac, journals, ("a", "b", "c")).into(QUESTION, HEARD, verdict)

    return look


def test_an_error_is_a_finding_while_another_upstream_was_well(outcome) -> None:
    storms = (("a", "stormy"), ("c", "stormy"))
    assert "b was well" in outcome(attempt("a", "529"), spells=storms)
    assert outcome(attempt("a", "529"), spells=(*storms, ("b", "stormy"))) == FINE


def test_one_whose_credential_may_be_refused_counts_as_unwell(outcome) -> None:
    assert outcome(attempt("a", "529"), spells=(("a", "stormy"), ("b", "stormy"))) == FINE


def test_an_error_is_excused_where_another_try_could_have_cost_twice(outcome) -> None:
    storm = (("a", "stormy"),)
    assert outcome(attempt("a", "reset before the head"), spells=storm) == EXCUSED
    assert outcome([], spells=(*storm, ("a", "killed"))) == EXCUSED


def test_an_error_that_came_late_needs_no_excuse(outcome) -> None:
    began = Verdict("error", "in stream stream_interrupted", began=True, answer_id="chatcmpl-a")
    assert outcome(attempt("a", "reset after content"), began, (("a", "stormy"),)) == FINE


@pytest.mark.parametrize(("code", "said"), [("overloaded", FINE), ("rate_limit_exceeded", "broke")])
def test_an_answer_that_broke_off_says_why(outcome, code: str, said: str) -> None:
    began = Verdict("error", f"in stream {code}", began=True, answer_id="chatcmpl-b")
    lines = attempt("a", "429") + attempt("b", "error after content")
    found = outcome(lines, began, (("a", "stormy"), ("b", "stormy")))
    assert said in found
    assert bool(said) == bool(found)


def test_an_error_without_any_cause_is_a_finding(outcome) -> None:
    assert "without any cause" in outcome([])


@pytest.mark.parametrize("how", ["sent", "gone"])
def test_an_error_in_spite_of_a_good_answer_is_a_finding(outcome, how: str) -> None:
    assert "b answered well" in outcome(attempt("b", None, how), spells=(("b", "stormy"),))
    assert outcome(attempt("b", None, how), spells=(("b", "stopped"), ("a", "stormy"))) == FINE


@pytest.mark.parametrize("kind", ["error", "cut"])
def test_what_a_killed_worker_lost_is_excused(outcome, kind: Kind) -> None:
    assert outcome([], Verdict(kind, ""), (("worker", "killed"),)) == EXCUSED


COMPLETE = Verdict("complete", "whole", answer_id="chatcmpl-a")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (attempt("a", None), FINE),
        (attempt("a", "500") + attempt("b", None), "no upstream gave"),
        (attempt("a", None) + attempt("b", None), "2 upstreams answered"),
    ],
)
def test_a_complete_answer_is_one_that_one_upstream_gave(
    outcome, lines: list[Line], said: str
) -> None:
    found = outcome(lines, COMPLETE)
    assert said in found
    assert bool(said) == bool(found)


LEFT = Verdict("cancelled", "leaves")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (attempt("a", None, "gone", ended=11.1), FINE),
        (attempt("a", None, ended=15.0), "still read"),
        (attempt("a", None, arrived=15.0, ended=15.1), "was asked"),
    ],
)
def test_nothing_is_done_for_a_client_that_has_left(outcome, lines: list[Line], said: str) -> None:
    found = outcome(lines, LEFT)
    assert said in found
    assert bool(said) == bool(found)
