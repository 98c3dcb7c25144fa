"""Rate limits, by the generic cell rate algorithm: all that a call takes, or nothing.

Of each limit one number is kept, the moment at which it would be whole again. It moves on by a step
for each unit that is taken, may be as far ahead as the limit is wide, and comes back by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

from msgspec import Struct

from isthmus.storage.access_records import Limits

Kind = Literal["requests", "input_tokens", "output_tokens"]

_SECOND = 10**9
_WINDOWS = {"minute": 60, "day": 86_400}
_KINDS: tuple[Kind, ...] = ("requests", "input_tokens", "output_tokens")
#: Above so many, limits that are whole again are forgotten.
_MANY = 100_000


class Bucket(Struct, frozen=True):
    """A limit: so many ``units`` in so many ``seconds``. ``name`` is its own among all."""

    name: str
    kind: Kind
    units: int
    seconds: int

    @property
    def step(self) -> float:
        """How long one unit takes to come back, in nanoseconds."""
        return self.seconds * _SECOND / self.units

    @property
    def width(self) -> int:
        """How long all of them take, in nanoseconds."""
        return self.seconds * _SECOND


class Place(Struct, frozen=True):
    """How many calls of a subject may be under way at once."""

    name: str
    most: int


class Claim(Struct, frozen=True):
    """What a call takes of each bucket, and its places."""

    amounts: Sequence[tuple[Bucket, int]]
    places: Sequence[Place]


class State(Struct, frozen=True):
    """How a limit stands: ``seconds`` until it is whole again."""

    bucket: Bucket
    remaining: int
    seconds: float


class Refusal(Struct, frozen=True):
    """What did not let a call in, and when it would: None for never, as it is too large.

    Without a ``bucket`` too many were under way.
    """

    bucket: Bucket | None
    seconds: float | None


class Limiter(Protocol):
    """Who counts."""

    async def take(self, claim: Claim) -> Refusal | list[State]:
        """Take all of a claim, or nothing; say how its limits stand then."""
        ...

    def give_back(self, claim: Claim, taken: Sequence[int]) -> None:
        """End a call: it has really ``taken`` so much of each bucket. Does not wait."""
        ...


class Slots(Protocol):
    """Where the numbers are."""

    def held(self) -> AbstractContextManager[object]:
        """Return a context in which nobody else changes them."""
        ...

    def moment(self, name: str) -> int:
        """Return when a limit is whole again, in nanoseconds; 0: it is."""
        ...

    def move(self, name: str, moment: int, now: int) -> None:
        """Keep another moment."""
        ...

    def count(self, name: str) -> int:
        """Return how many are under way."""
        ...

    def add(self, name: str, change: int) -> None:
        """Change how many of this process are under way."""
        ...


class MemorySlots:
    """See `Slots`; those of one process."""

    def __init__(self) -> None:
        self._moments: dict[str, int] = {}
        self._counts: dict[str, int] = {}

    def held(self) -> AbstractContextManager[object]:
        """Return a context: the event loop does one thing at a time."""
        return nullcontext()

    def moment(self, name: str) -> int:
        """Return when a limit is whole again."""
        return self._moments.get(name, 0)

    def move(self, name: str, moment: int, now: int) -> None:
        """Keep another moment."""
        if len(self._moments) >= _MANY and name not in self._moments:
            self._moments = {one: at for one, at in self._moments.items() if at > now}
        self._moments[name] = moment

    def count(self, name: str) -> int:
        """Return how many are under way."""
        return self._counts.get(name, 0)

    def add(self, name: str, change: int) -> None:
        """Change how many are under way."""
        count = self._counts.get(name, 0) + change
        if count > 0:
            self._counts[name] = count
        else:
            self._counts.pop(name, None)


def take(slots: Slots, claim: Claim, now: int) -> Refusal | list[State]:
    """Take all of a claim at ``now`` (nanoseconds, monotonic), or nothing."""
    with slots.held():
        for place in claim.places:
            if slots.count(place.name) >= place.most:
                return Refusal(None, 1.0)
        moments: list[int] = []
        worst: Refusal | None = None
        for bucket, amount in claim.amounts:
            moment = max(slots.moment(bucket.name), now) + _steps(bucket, amount)
            moments.append(moment)
            late = moment - now - bucket.width
            if amount > 0 and late > 0:
                found = Refusal(bucket, None if amount > bucket.units else late / _SECOND)
                worst = _worse(worst, found)
        if worst is not None:
            return worst
        for (bucket, _), moment in zip(claim.amounts, moments, strict=True):
            slots.move(bucket.name, moment, now)
        for place in claim.places:
            slots.add(place.name, 1)
    return [
        state(bucket, moment - now)
        for (bucket, _), moment in zip(claim.amounts, moments, strict=True)
    ]


def give_back(slots: Slots, claim: Claim, taken: Sequence[int], now: int) -> None:
    """End a call that has really ``taken`` so much of each bucket."""
    with slots.held():
        for (bucket, amount), real in zip(claim.amounts, taken, strict=True):
            if real != amount:
                moment = max(slots.moment(bucket.name), now)
                slots.move(bucket.name, moment + _steps(bucket, real - amount), now)
        for place in claim.places:
            slots.add(place.name, -1)


def state(bucket: Bucket, ahead: float) -> State:
    """Describe a bucket whose moment is so many nanoseconds ahead."""
    remaining = int((bucket.width - ahead) / bucket.step + 1e-6)
    return State(bucket, min(max(remaining, 0), bucket.units), max(ahead, 0) / _SECOND)


def buckets_of(subject: str, limits: Limits) -> tuple[Bucket, ...]:
    """Return the limits of a subject as buckets."""
    found: list[Bucket] = []
    for kind in _KINDS:
        for window, seconds in _WINDOWS.items():
            units: int | None = getattr(limits, f"{kind}_per_{window}")
            if units is not None:
                found.append(Bucket(f"{subject}:{kind}:{window}", kind, units, seconds))
    return tuple(found)


def _steps(bucket: Bucket, amount: int) -> int:
    return math.ceil(bucket.step * amount)


def _worse(one: Refusal | None, other: Refusal) -> Refusal:
    """Return the refusal that holds for longer."""
    if one is None or (one.seconds is not None and other.seconds is None):
        return other
    if one.seconds is None or other.seconds is None:
        return one
    return one if one.seconds >= other.seconds else other
