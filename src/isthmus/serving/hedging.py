"""Asking twice: a second route for a short answer that keeps the client waiting.

Both are billed, so it is the operator's choice, and at most one call in twenty is asked twice
(Dean and Barroso, "The Tail at Scale", 2013).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from isthmus.errors import UpstreamError
from isthmus.serving.answers import Whole

_SHARE = 0.05
_SAVED_AT_MOST = 5.0

Ask = Callable[[], Awaitable[Whole]]


class HedgeBudget:
    """Allows a twentieth of the calls that might be asked twice."""

    def __init__(self) -> None:
        self._saved = 1.0

    def note_call(self) -> None:
        """Count a call."""
        self._saved = min(self._saved + _SHARE, _SAVED_AT_MOST)

    def take(self) -> bool:
        """Say whether a call may be asked twice now; if so, that is one less."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


async def first_of(ask: Ask, ask_another: Ask, *, after: float, may: Callable[[], bool]) -> Whole:
    """Return what ``ask`` answers; after so many seconds, what either does, if it ``may``.

    The slower one is cancelled. One that fails leaves it to the other.

    Raises:
        UpstreamError: both failed, or the first before there was another; the first's failure.
    """
    async with asyncio.TaskGroup() as group:
        first = group.create_task(_outcome(ask))
        done, _ = await asyncio.wait([first], timeout=after)
        if done or not may():
            return _whole(await first)
        second = group.create_task(_outcome(ask_another))
        done, waiting = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
        for task in sorted(done, key=lambda task: task is second):
            if not isinstance(task.result(), UpstreamError):
                for other in waiting:
                    other.cancel()
                return _whole(task.result())
        answers = [await first, await second]
    return _whole(next((one for one in answers if isinstance(one, Whole)), answers[0]))


async def _outcome(ask: Ask) -> Whole | UpstreamError:
    """Make a value of a failure, which would end the group."""
    try:
        return await ask()
    except UpstreamError as error:
        return error


def _whole(answer: Whole | UpstreamError) -> Whole:
    if isinstance(answer, UpstreamError):
        raise answer
    return answer
