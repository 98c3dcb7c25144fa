import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.routing.retry_budget import RetryBudget


def budget(calls: int, retries: int) -> RetryBudget:
    found = RetryBudget()
    found.calls, found.retries = calls, retries
    return found


@pytest.mark.parametrize(
    ("calls", "most"), [(0, 3), (1, 3), (15, 3), (16, 4), (20, 4), (21, 5), (100, 20), (1000, 200)]
)
def test_a_fifth_of_the_calls_and_at_least_three_may_try_again(calls, most):
    assert budget(calls, most - 1).allows
    assert not budget(calls, most).allows


def test_a_second_try_that_is_over_makes_room_for_another():
    full = budget(0, 3)
    full.retries -= 1
    assert full.allows


@given(st.lists(st.booleans()))
def test_second_tries_never_outnumber_the_budget(wishes):
    found = RetryBudget()
    for is_call in wishes:
        if is_call:
            found.calls += 1
        elif found.allows:
            found.retries += 1
        assert found.retries <= max(3, found.calls * 0.2 + 1)
