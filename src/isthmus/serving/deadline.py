"""A deadline that can be moved for next to nothing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Deadline:
    """Calls ``expired`` at a time that may change as often as it likes.

    Moving it later, or taking it away, only changes a number: the timer finds out when it fires.
    """

    __slots__ = ("_due", "_expired", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[], None]) -> None:
        self._loop = loop
        self._expired = expired
        self._due = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Expire in so many seconds, and at no other time."""
        self._due = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._fire)

    def clear(self) -> None:
        """Do not expire."""
        self._due = math.inf

    def close(self) -> None:
        """Do not expire ever again, and forget whom to tell."""
        self._due = math.inf
        self._expired = _nobody
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        if self._due == math.inf:
            return
        left = self._due - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._fire)
            return
        self._due = math.inf
        self._expired()


def _nobody() -> None:
    """Is told instead of whoever wants to know nothing more."""
