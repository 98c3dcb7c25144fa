"""The form of a ladder: what becomes of each field of a request, first match wins.

An exact counterpart is mapped. A near one is mapped by a rule and named in the warnings. What is
harmless and has none is dropped and named. What would change the meaning is refused.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Step = Literal["map", "near", "drop", "refuse", "note"]


class Rule(Struct, frozen=True):
    """One rule. ``slug`` names it in warnings, tests and documentation alike.

    ``field`` is written for people: ``tools[].function``, ``messages[] system, developer``.
    """

    slug: str
    field: str
    step: Step
    says: str

    @property
    def fields(self) -> list[str]:
        """The places it is about, one by one: ``messages[] system``, ``messages[] developer``."""
        first, *others = self.field.split(", ")
        place, _, role = first.partition(" ")
        return [
            first,
            *(f"{place} {other}" if role and "[" not in other else other for other in others),
        ]
