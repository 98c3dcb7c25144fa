"""The window of a credential: narrow after an overload, then wider again."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from isthmus.routing.window import Window


def loaded(under_way: int) -> Window:
    window = Window()
    window.under_way = under_way
    return window


def test_without_an_overload_there_is_no_limit():
    window = loaded(10_000)
    window.answered()
    assert window.width is None
    assert not window.full


@pytest.mark.parametrize(("under_way", "width"), [(0, 1), (1, 1), (2, 1), (3, 1), (8, 4), (99, 49)])
def test_an_overload_halves_what_was_under_way_and_leaves_one(under_way, width):
    window = loaded(under_way)
    window.overloaded(0.0)
    assert window.width == width


def test_it_is_full_when_as_many_calls_as_it_is_wide_are_under_way():
    window = loaded(8)
    window.overloaded(0.0)
    window.under_way = 3
    assert not window.full
    window.under_way = 4
    assert window.full


def test_overloads_of_one_second_are_one():
    window = loaded(64)
    for now in (0.0, 0.1, 0.999):
        window.overloaded(now)
    assert window.width == 32
    window.overloaded(1.0)
    assert window.width == 16


def test_a_later_overload_halves_the_load_and_not_the_room_that_was_left():
    window = loaded(64)
    window.overloaded(0.0)
    window.under_way = 4
    window.overloaded(5.0)
    assert window.width == 2


def test_it_grows_by_one_for_as_many_answers_as_it_is_wide():
    window = loaded(8)
    window.overloaded(0.0)
    widths = []
    for _ in range(4 + 5 + 6):
        window.answered()
        widths.append(window.width)
    assert widths == [4] * 3 + [5] * 5 + [6] * 6 + [7]


def test_a_wide_window_grows_by_one_for_64_answers():
    window = loaded(1000)
    window.overloaded(0.0)
    for _ in range(64):
        window.answered()
    assert window.width == 501


def test_it_is_gone_when_it_is_twice_as_wide_as_the_load_that_was_too_much():
    window = loaded(4)
    window.overloaded(0.0)
    for _ in range(2 + 3 + 4 + 5 + 6 + 7):
        window.answered()
        assert window.width is not None
    for _ in range(8):
        window.answered()
    assert window.width is None


class Windows(RuleBasedStateMachine):
    """Calls that come, are answered and turned away, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.window = Window()
        self.now = 0.0

    @rule(seconds=st.floats(0.0, 5.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(count=st.integers(1, 200))
    def calls_begin(self, count: int) -> None:
        self.window.under_way += count

    @precondition(lambda self: self.window.under_way)
    @rule(data=st.data())
    def calls_end(self, data: st.DataObject) -> None:
        self.window.under_way -= data.draw(st.integers(1, self.window.under_way))

    @rule()
    def is_overloaded(self) -> None:
        before = self.window.width
        self.window.overloaded(self.now)
        assert self.window.width is not None
        assert before is None or self.window.width <= before

    @rule()
    def is_answered(self) -> None:
        before = self.window.width
        self.window.answered()
        if self.window.width is not None:
            assert before is not None
            assert before <= self.window.width <= before + 1

    @invariant()
    def lets_at_least_one_call_through(self) -> None:
        assert self.window.width is None or self.window.width >= 1
        assert not Windows.without_calls(self.window).full

    @invariant()
    def opens_again_after_enough_answers(self) -> None:
        copy = Windows.without_calls(self.window)
        for _ in range(64 * 1000):
            if copy.width is None:
                return
            copy.answered()
        # No load here is higher than what so many answers make room for.
        assert copy.width is None

    @staticmethod
    def without_calls(window: Window) -> Window:
        copy = Window()
        for name in Window.__slots__:
            setattr(copy, name, getattr(window, name))
        copy.under_way = 0
        return copy


TestWindows = Windows.TestCase
TestWindows.settings = settings(max_examples=30, stateful_step_count=20)
