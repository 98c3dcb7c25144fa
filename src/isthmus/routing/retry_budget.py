"""How many calls may be at a second try at once, so that retries never multiply an overload.

As Envoy has it: a fifth of the calls under way, and at least three.
"""

from __future__ import annotations

_SHARE = 0.2
_AT_LEAST = 3


class RetryBudget:
    """Counts calls and the second tries among them."""

    __slots__ = ("calls", "retries")

    def __init__(self) -> None:
        self.calls = 0
        self.retries = 0

    @property
    def allows(self) -> bool:
        """Whether one more call may try again."""
        return self.retries < max(_AT_LEAST, self.calls * _SHARE)
