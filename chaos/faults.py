"""What goes wrong inside of an upstream, as data, and which request it goes wrong for."""

from __future__ import annotations

import random
from typing import Literal, NamedTuple

#: ``calm``: answers well; ``stormy``: often does not; ``shady``: takes its credential for a wrong
#: one, else answers well.
Mood = Literal["calm", "stormy", "shady"]

When = Literal["instead", "before", "after"]
How = Literal["status", "html", "reset", "close", "end", "stall", "error", "garbage", "trickle"]


class Fault(NamedTuple):
    """One thing that goes wrong.

    ``when``: instead of a head, before the first content, or after some of it. ``plain``: whoever
    asked can tell that nothing was done, and may ask elsewhere without any risk.
    """

    name: str
    how: How
    when: When = "instead"
    weight: int = 2
    plain: bool = False
    status: int = 0
    kind: str = ""
    retry_after: str | None = None


FAULTS = (
    Fault("429 with retry-after", "status", "instead", 3, True, 429, "rate_limit_error", "1"),
    Fault("429", "status", "instead", 2, True, 429, "rate_limit_error"),
    Fault("500", "status", "instead", 2, True, 500, "api_error"),
    Fault("503", "status", "instead", 2, True, 503, "api_error"),
    Fault("529", "status", "instead", 3, True, 529, "overloaded_error"),
    Fault("200 with HTML", "html"),
    Fault("reset before the head", "reset", weight=3),
    Fault("close before the head", "close"),
    Fault("stall before the head", "stall", weight=1),
    Fault("reset before content", "reset", "before"),
    Fault("stall before content", "stall", "before", weight=1),
    Fault("error before content", "error", "before", plain=True, kind="overloaded_error"),
    Fault("garbage before content", "garbage", "before", weight=1),
    Fault("reset after content", "reset", "after", weight=3),
    Fault("close after content", "close", "after", weight=3),
    Fault("clean end after content", "end", "after", weight=3),
    Fault("stall after content", "stall", "after", weight=1),
    Fault("error after content", "error", "after", weight=3, kind="overloaded_error"),
    Fault("garbage after content", "garbage", "after"),
    Fault("slow trickle", "trickle", "after", weight=1),
)
UNAUTHORIZED = Fault("401", "status", "instead", 0, True, 401, "authentication_error")
BY_NAME = {fault.name: fault for fault in (*FAULTS, UNAUTHORIZED)}

_STORM, _SHADE = 0.6, 0.5


def drawn(mood: Mood, rng: random.Random) -> Fault | None:
    """Draw what goes wrong with one request; None: nothing."""
    if mood == "stormy" and rng.random() < _STORM:
        return rng.choices(FAULTS, [fault.weight for fault in FAULTS])[0]
    if mood == "shady" and rng.random() < _SHADE:
        return UNAUTHORIZED
    return None
