"""Time out of service: longer each time, and ended by one call that finds things well again."""

from __future__ import annotations

from typing import Literal

Standing = Literal["in service", "due", "out"]


class Suspension:
    """Whether one thing is out of service. Times are monotonic seconds, given by the caller.

    Once its time is over it is due for a trial: one call may try it, and how that ends decides.
    """

    __slots__ = ("_first", "_longest", "_on_trial", "times", "until")

    def __init__(self, first: float, longest: float) -> None:
        """Take how long the first suspension lasts, and the longest; each lasts twice the last."""
        self._first = first
        self._longest = longest
        self._on_trial = False
        self.times = 0
        self.until = 0.0

    def standing(self, now: float) -> Standing:
        """Say how it stands."""
        if not self.times:
            return "in service"
        return "out" if self._on_trial or now < self.until else "due"

    def begin(self, now: float, seconds: float | None = None) -> float:
        """Take it out of service, for ``seconds`` if somebody knows better; return for how long.

        What is out already stays so for as long as it was to, unless it has just failed its trial:
        calls that were under way at the same time all fail, for the same reason.
        """
        if self.times and not self._on_trial and now < self.until:
            return self.until - now
        length = min(self._first * 2**self.times, self._longest) if seconds is None else seconds
        self.times = min(self.times + 1, 32)
        self._on_trial = False
        self.until = now + length
        return length

    def try_it(self) -> None:
        """Put it on trial: nobody else may try it until `begin`, `end` or `untried`."""
        self._on_trial = True

    def untried(self) -> None:
        """Note that the trial ended without saying anything."""
        self._on_trial = False

    def end(self) -> bool:
        """Put it back into service; return whether it was out."""
        was_out = self.times > 0
        self.times = 0
        self._on_trial = False
        return was_out
