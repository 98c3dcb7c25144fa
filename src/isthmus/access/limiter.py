"""Counts calls against limits within this process, or with the others of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from isthmus.access.limits import (
    Claim,
    MemorySlots,
    Refusal,
    Slots,
    State,
    give_back,
    take,
)


class LocalLimiter:
    """See `limits.Limiter`."""

    def __init__(
        self, slots: Slots | None = None, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._slots = slots or MemorySlots()
        self._clock = clock

    async def take(self, claim: Claim) -> Refusal | list[State]:
        """Take all of a claim, or nothing."""
        return take(self._slots, claim, self._clock())

    def give_back(self, claim: Claim, taken: Sequence[int]) -> None:
        """End a call."""
        give_back(self._slots, claim, taken, self._clock())
