from __future__ import annotations

import pytest

from peers import table
from peers.figures import Entry, Figures, Run

WHOLE = Figures(250.0, 1500.0, 1.2, 4.7, 6.2, 147.0, 39.4, 0.41)
FAST = Entry("fast", "Fast", "1.0", "C", WHOLE)
BROKEN = Entry(
    "broken",
    "Broken",
    "2.0",
    "Go",
    Figures(whole_us=10.0),
    ('streams: an answer is not 200 - {"a": 1}',),
)


def shown(*entries: Entry, rounds: int = 3) -> str:
    return table.markdown(Run("2026-11-23", "a machine", rounds, entries), {"Gone": "no package"})


def test_a_row_says_each_figure_in_its_unit() -> None:
    row = "| Fast | 250 us | 1.5 ms | 1.2 / 4.7 ms | 6.2 us | 147 us | 39 MB | 0.41 s |"
    assert row in shown(FAST)


def test_what_fails_is_shown_last_and_why_below() -> None:
    text = shown(BROKEN, FAST)
    assert text.index("| Fast") < text.index("| Broken")
    assert "| Broken | 10.0 us | fails | fails |" in text
    assert '- **Broken** 2.0: Go.\n  - Fails: streams: an answer is not 200 - `{"a": 1}`.' in text


def test_nothing_is_said_of_failures_when_there_are_none() -> None:
    assert "- **Fast** 1.0: C.\n\n" in shown(FAST)


def test_the_absent_and_the_circumstances_are_named() -> None:
    text = shown(FAST, rounds=1)
    assert text.startswith("2026-11-23, a machine; one core for each server, medians of 1 round:")
    assert "| Gone | no package |" in text


def test_a_machine_that_had_other_work_is_said_to_have_been_busy() -> None:
    text = table.markdown(Run("2026-11-23", "a machine", 3, (FAST,), load=1.9), {})
    assert text.startswith("2026-11-23, a machine (busy with other work: load average 1.9); one")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.412, "0.41 us"), (6.24, "6.2 us"), (147.3, "147 us"), (999.4, "999 us"), (1500, "1.5 ms")],
)
def test_durations_have_the_unit_and_the_digits_that_suit_them(value: float, expected: str) -> None:
    assert table.duration(value) == expected


def test_a_reason_cannot_break_the_table() -> None:
    assert table.plain("a | b\nc.") == "a / b c"
