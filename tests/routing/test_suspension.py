"""Time out of service: how long, how it grows, and one trial at a time."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from isthmus.routing.suspension import Suspension

FIRST, LONGEST = 5.0, 60.0


@pytest.fixture
def part() -> Suspension:
    return Suspension(FIRST, LONGEST)


def failed_trial(part: Suspension) -> float:
    """Wait until it is due, try it, and fail."""
    now = part.until
    part.untried(part.try_it())
    return part.begin(now)


def test_what_was_never_suspended_is_in_service(part):
    assert part.standing(0.0) == part.standing(1e12) == "in service"
    assert part.end(began=0.0) is False


def test_it_is_out_for_its_time_and_then_due(part):
    assert part.begin(10.0) == FIRST
    assert [part.standing(now) for now in (10.0, 14.999, 15.0, 1e9)] == ["out", "out", "due", "due"]


def test_every_failed_trial_doubles_the_time_up_to_the_longest(part):
    lengths = [part.begin(0.0)] + [failed_trial(part) for _ in range(100)]
    assert lengths == [5.0, 10.0, 20.0, 40.0, *[60.0] * 97]


def test_what_somebody_knows_better_is_taken_as_it_is(part):
    assert part.begin(0.0, 17.0) == 17.0
    assert part.standing(16.9) == "out"
    assert part.standing(17.0) == "due"


def test_failures_while_it_is_out_change_nothing(part):
    part.begin(0.0)
    assert part.begin(3.0) == 2.0
    assert part.begin(4.0, 60.0) == 1.0
    assert (part.until, part.times) == (5.0, 1)


def test_failures_of_others_leave_a_trial_alone(part):
    part.begin(0.0)
    part.try_it()
    part.begin(6.0)
    assert (part.until, part.times, part.standing(6.0)) == (5.0, 1, "out")


def test_nobody_else_may_try_while_one_does(part):
    part.begin(0.0)
    part.try_it()
    assert part.standing(1e9) == "out"


def test_a_trial_that_says_nothing_lets_the_next_one_try(part):
    part.begin(0.0)
    part.untried(part.try_it())
    assert part.standing(5.0) == "due"


def test_a_trial_that_was_overtaken_does_not_end_the_one_under_way(part):
    part.begin(0.0)
    overtaken = part.try_it()
    part.end(began=1.0)
    part.begin(10.0)
    part.try_it()
    part.untried(overtaken)
    assert part.standing(100.0) == "out"


def test_a_good_answer_puts_it_back_and_forgets_the_past(part):
    part.begin(0.0)
    failed_trial(part)
    assert part.end(began=20.0) is True
    assert part.standing(20.0) == "in service"
    assert part.begin(30.0) == FIRST


def test_an_answer_asked_for_before_it_was_suspended_says_nothing(part):
    part.begin(10.0)
    assert part.end(began=9.9) is False
    assert part.standing(11.0) == "out"
    assert part.end(began=10.0) is True


class Suspensions(RuleBasedStateMachine):
    """Calls that begin, fail and are answered in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.part = Suspension(FIRST, LONGEST)
        self.now = 0.0
        self.trials: list[int] = []

    @rule(seconds=st.floats(0.0, 100.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.none() | st.floats(1.0, LONGEST))
    def fails(self, seconds: float | None) -> None:
        before, was = self.part.until, self.part.standing(self.now)
        length = self.part.begin(self.now, seconds)
        assert length <= LONGEST
        if was == "out":
            assert self.part.until == before
        else:
            assert self.part.until == self.now + length
            assert length >= (seconds or FIRST)

    @precondition(lambda self: self.part.standing(self.now) == "due")
    @rule()
    def is_tried(self) -> None:
        self.trials.append(self.part.try_it())

    @precondition(lambda self: self.trials)
    @rule(data=st.data())
    def trial_ends_without_an_answer(self, data: st.DataObject) -> None:
        trial = data.draw(st.sampled_from(self.trials))
        latest = trial == self.trials[-1]
        before = self.part.standing(self.now)
        self.trials.remove(trial)
        self.part.untried(trial)
        assert latest or self.part.standing(self.now) == before

    @rule()
    def is_answered(self) -> None:
        was_out = self.part.standing(self.now) != "in service"
        assert self.part.end(began=self.now) is was_out
        assert self.part.standing(self.now) == "in service"

    @invariant()
    def is_due_after_its_time_unless_it_is_tried(self) -> None:
        assert self.part.standing(self.part.until + 1) != "out" or self.trials

    @invariant()
    def is_never_out_for_longer_than_the_longest(self) -> None:
        assert self.part.until <= self.now + LONGEST


TestSuspensions = Suspensions.TestCase
TestSuspensions.settings = settings(max_examples=100, stateful_step_count=30)
