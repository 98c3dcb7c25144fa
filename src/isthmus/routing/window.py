"""How many calls a credential may have under way: fewer after an overload, then more again."""

from __future__ import annotations

#: Overloads within so many seconds are one: all calls under way hear of it at once.
_ONE_EVENT = 1.0
#: The window grows by one call for as many good answers as it is wide, but no more than these.
_SLOWEST = 64
_NARROWEST = 1


class Window:
    """Counts the calls of one credential. Without an overload there is no limit.

    Additive increase, multiplicative decrease (Chiu and Jain, 1989): half of what was under way
    after an overload, then one more per round of good answers; gone once it is twice as wide as the
    load that was too much.
    """

    __slots__ = ("_good", "_narrowed", "_too_much", "under_way", "width")

    def __init__(self) -> None:
        self.under_way = 0
        self.width: int | None = None
        self._too_much = 0
        self._good = 0
        self._narrowed = 0.0

    @property
    def full(self) -> bool:
        """Whether another call would be more than it may have."""
        return self.width is not None and self.under_way >= self.width

    def overloaded(self, now: float) -> None:
        """Note that a call was turned away for overload."""
        if self.width is not None and now - self._narrowed < _ONE_EVENT:
            return
        load = self.under_way if self.width is None else min(self.under_way, self.width)
        self._too_much = max(load, _NARROWEST)
        self.width = max(load // 2, _NARROWEST)
        self._good = 0
        self._narrowed = now

    def answered(self) -> None:
        """Note that a call was answered."""
        if self.width is None:
            return
        self._good += 1
        if self._good >= min(self.width, _SLOWEST):
            self._good = 0
            self.width += 1
            if self.width > 2 * self._too_much:
                self.width = None
