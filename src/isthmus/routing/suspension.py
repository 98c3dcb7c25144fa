"""Time out of service: longer each time, and ended by one call that finds things well again."""

from __future__ import annotations

from typing import Literal

Standing = Literal["in service", "due", "out"]


class Suspension:
    """Whether one thing is out of service. Times are monotonic seconds, given by the caller.

    Once its time is over it is due for a trial: one call may try it, and how that ends decides.
    A trial that failed is ended by `untried` first, then told by `begin`.
    """

    __slots__ = ("_first", "_longest", "_on_trial", "_since", "_trials", "times", "until")

    def __init__(self, first: float, longest: float) -> None:
        """Take how long the first suspension lasts, and the longest; each lasts twice the last."""
        self._first = first
        self._longest = longest
        #: The number of the trial under way; 0: none.
        self._on_trial = 0
        self._trials = 0
        self._since = 0.0
        self.times = 0
        self.until = 0.0

    def standing(self, now: float) -> Standing:
        """Say how it stands."""
        if not self.times:
            return "in service"
        return "out" if self._on_trial or now < self.until else "due"

    def begin(self, now: float, seconds: float | None = None) -> float:
        """Take it out of service, for ``seconds`` if somebody knows better; return for how long.

        What is out stays so for as long as it was to, and a trial under way decides alone: calls
        that were under way at the same time all fail, for the same reason.
        """
        if self.standing(now) == "out":
            return max(self.until - now, 0.0)
        length = min(self._first * 2**self.times, self._longest) if seconds is None else seconds
        self.times = min(self.times + 1, 32)
        self.until = now + length
        self._since = now
        return length

    def try_it(self) -> int:
        """Put it on trial: nobody else may try it until that is over. Return the trial's number."""
        self._trials += 1
        self._on_trial = self._trials
        return self._trials

    def untried(self, trial: int) -> None:
        """Note that a trial ended without a good answer."""
        if trial == self._on_trial:
            self._on_trial = 0

    def end(self, began: float) -> bool:
        """Put it back into service for a good answer; return whether it was out.

        A call that ``began`` before the suspension did says nothing about the time since.
        """
        if not self.times or began < self._since:
            return False
        self.times = 0
        self._on_trial = 0
        return True
