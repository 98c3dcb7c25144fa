"""A limit ends what its task does, and nothing else."""

import asyncio
import math

import pytest

from factories.leaping_loop import leap
from isthmus.serving.limit import Limit


def ended(limit: float, *, moves: dict[float, float] | None = None, excuse=None) -> float | None:
    """Return when a task of 100 seconds was ended; None: it was not. ``moves``: at, then to."""

    async def attempt() -> float | None:
        loop = asyncio.get_running_loop()
        limited = Limit(limit, excuse)
        for at, to in (moves or {}).items():
            loop.call_at(at, limited.move, to)
        try:
            with limited:
                await asyncio.sleep(100)
        except TimeoutError:
            return loop.time()
        return None

    return leap(attempt())


def test_it_ends_in_time():
    assert ended(5) == 5


@pytest.mark.parametrize("limit", [200, math.inf])
def test_what_ends_before_is_left_alone(limit):
    assert ended(limit) is None


@pytest.mark.parametrize(("moves", "end"), [({2: 7}, 7), ({2: 3}, 3), ({2: 50, 4: 9}, 9)])
def test_it_can_be_moved_either_way(moves, end):
    assert ended(5, moves=moves) == end


def test_an_excuse_puts_it_off():
    excuses = [3.0, 2.0, 0.0]
    assert ended(5, excuse=lambda: excuses.pop(0)) == 10


def test_a_cancellation_from_elsewhere_stays_one():
    async def attempt() -> None:
        task = asyncio.current_task()
        with Limit(5):
            asyncio.get_running_loop().call_at(5, task.cancel)
            await asyncio.sleep(100)

    with pytest.raises(asyncio.CancelledError):
        leap(attempt())


def test_what_was_ended_can_go_on_with_something_else():
    async def attempt() -> bool:
        try:
            with Limit(5):
                await asyncio.sleep(100)
        except TimeoutError:
            await asyncio.sleep(1)
        return asyncio.current_task().cancelling() == 0

    assert leap(attempt())


def test_an_error_of_its_own_is_not_mistaken_for_the_end():
    async def attempt() -> None:
        with Limit(5):
            await asyncio.sleep(1)
            raise LookupError

    with pytest.raises(LookupError):
        leap(attempt())
