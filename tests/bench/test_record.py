from __future__ import annotations

import count
import pytest
import record
from record import Interpreter

TEXT = """# Why.

tolerance = 0.03

["3.11 x86_64 (main)"]
yardstick = 100
paced = 1_000
"""
HERE = Interpreter("3.11 x86_64", "(main)")
NEWER = Interpreter("3.14 x86_64", "(main)")


@pytest.mark.parametrize(
    ("now", "over", "fewer", "said"),
    [
        (1_029, False, False, "was 1,000 (+2.9%)"),
        (1_031, True, False, "was 1,000 (+3.1%)  TOO MANY"),
        (971, False, False, "was 1,000 (-2.9%)"),
        (969, False, True, "was 1,000 (-3.1%)  FEWER"),
    ],
)
def test_more_or_less_than_the_tolerance_is_told(
    now: int, over: bool, fewer: bool, said: str
) -> None:
    [verdict] = record.read(TEXT).judge({"paced": now}, HERE.name)
    assert verdict == (f"paced     {now:12,}  {said}", over, fewer)


def test_an_interpreter_without_a_record_is_not_judged() -> None:
    known, counted = record.read(TEXT), {"yardstick": 100, "paced": 5_000}
    assert known.fitting(counted, NEWER) is None
    assert not any(verdict.over for verdict in known.judge(counted, None))


@pytest.mark.parametrize(("yardstick", "name"), [(102, HERE.name), (110, None), (90, None)])
def test_the_yardstick_tells_whether_an_interpreter_was_compiled_alike(
    yardstick: int, name: str | None
) -> None:
    other = Interpreter(HERE.family, "(another day)")
    assert record.read(TEXT).fitting({"yardstick": yardstick}, other) == name


def test_a_renewed_record_takes_the_place_of_the_one_that_fits_and_of_no_other() -> None:
    other = Interpreter(HERE.family, "(another day)")
    for interpreter in (NEWER, other):
        renewed = record.read(TEXT).renewed({"yardstick": 101, "paced": 5_000}, interpreter)
        table = f'["{interpreter.name}"]\nyardstick = 101\npaced = 5_000\n'
        kept = TEXT if interpreter is NEWER else TEXT.partition("\n[")[0]
        assert renewed == f"{kept}\n{table}"


def test_a_record_without_interpreters_is_begun() -> None:
    head = TEXT.partition("\n[")[0]
    assert record.read(head).renewed({"yardstick": 100, "paced": 1_000}, HERE) == TEXT


def test_every_loop_is_recorded_and_explained() -> None:
    known = record.read(record.FILE.read_text(encoding="utf-8"))
    assert known.kept
    assert all(list(counts) == list(count.UNITS) for counts in known.kept.values())
