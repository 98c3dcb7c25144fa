"""How many connections there may be, and which has to go when there is one too many."""

from __future__ import annotations

from typing import Protocol


class Visitor(Protocol):
    """A connection."""

    def dismiss(self) -> None:
        """Close, as nothing is under way."""
        ...


class Crowd:
    """Counts connections. Whoever has no request under way may be sent away for a new one.

    That includes those that have begun a request but not told it: those who mean it are quick.
    """

    def __init__(self, most: int) -> None:
        #: Whether a connection may be kept for another request.
        self.keeps = True
        self._most = most
        self._size = 0
        #: Those without a request, the one that has been so longest first.
        self._idle: dict[Visitor, None] = {}

    def enter(self, visitor: Visitor) -> bool:
        """Let a connection in; False: there is no room."""
        self._size += 1
        if self._size <= self._most:
            self._idle[visitor] = None
            return True
        longest = next(iter(self._idle), None)
        if longest is None:
            return False
        self._idle[visitor] = None
        del self._idle[longest]
        longest.dismiss()
        return True

    def busy(self, visitor: Visitor) -> None:
        """Note that a request is under way."""
        self._idle.pop(visitor, None)

    def idle(self, visitor: Visitor) -> None:
        """Note that none is."""
        self._idle[visitor] = None

    def leave(self, visitor: Visitor) -> None:
        """Note that a connection has ended."""
        self._size -= 1
        self._idle.pop(visitor, None)
