"""Responses that are kept for their callers, in the memory of this process and within bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from msgspec import Struct

#: What an entry takes beside its texts, about.
_OVERHEAD = 1024


class Kept(Struct, frozen=True, kw_only=True):
    """One response: its document and the items that went into it, each as JSON.

    ``output`` are the items of the document; ``input`` are all that the model was shown, those of
    earlier responses included, oldest first.
    """

    document: bytes
    input: Sequence[bytes]
    output: Sequence[bytes]

    @property
    def size(self) -> int:
        """What it takes, in bytes. Items that several responses share count for each of them."""
        return _OVERHEAD + sum(map(len, (self.document, *self.input, *self.output)))


class ResponseStore:
    """Keeps responses by owner and id; the oldest make room for new ones.

    ``capacity`` is in bytes, ``lifetime`` in seconds of ``clock``. An owner's responses are there
    for nobody else: to others such an id is one like any that never was.
    """

    def __init__(self, *, capacity: int, lifetime: float, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._lifetime = lifetime
        self._clock = clock
        self._size = 0
        self._kept: OrderedDict[tuple[str, str], tuple[float, Kept]] = OrderedDict()

    def keep(self, owner: str, name: str, kept: Kept) -> bool:
        """Keep a response; say whether there is room for one of its size at all."""
        if kept.size > self._capacity:
            return False
        self.forget(owner, name)
        now = self._clock()
        self._kept[owner, name] = (now + self._lifetime, kept)
        self._size += kept.size
        while self._size > self._capacity or self._oldest_expired(now):
            self._drop(next(iter(self._kept)))
        return True

    def find(self, owner: str, name: str) -> Kept | None:
        """Return a response; None where there is none, or none any more."""
        found = self._kept.get((owner, name))
        if found is None:
            return None
        expires, kept = found
        if expires <= self._clock():
            self._drop((owner, name))
            return None
        return kept

    def forget(self, owner: str, name: str) -> bool:
        """Remove a response; say whether it was there."""
        there = self.find(owner, name) is not None
        if there:
            self._drop((owner, name))
        return there

    def _oldest_expired(self, now: float) -> bool:
        expires, _ = next(iter(self._kept.values()))
        return expires <= now

    def _drop(self, key: tuple[str, str]) -> None:
        _, kept = self._kept.pop(key)
        self._size -= kept.size
