"""From the name in a request to the plan of its call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from isthmus.errors import InvalidRequest
from isthmus.routing.names import Names
from isthmus.routing.plan import Plan, Planner


class Planned(Struct, frozen=True, kw_only=True):
    """What a name came to. The fields are those of `names.Resolution`, and the plan."""

    requested: str
    model: str
    substituted: bool
    thinking_suffix: bool
    plan: Plan


class Router:
    """Resolves and plans in one step."""

    def __init__(
        self,
        names: Names,
        planner: Planner,
        passthrough: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Take names and plans; ``passthrough``: further paths, and whose they are."""
        self._names = names
        self._planner = planner
        self.passthrough = passthrough or {}

    def plan(self, name: str) -> Planned:
        """Plan a call to the model that a caller named.

        Raises:
            UnknownModel: the name means no model, no longer means one, or nothing serves it.
        """
        meant = self._names.resolve(name)
        return Planned(
            requested=name,
            model=meant.model,
            substituted=meant.substituted,
            thinking_suffix=meant.thinking_suffix,
            plan=self._planner.plan(meant.model),
        )

    def passed(self, path: str, name: object) -> Planned:
        """Plan a call to one of the further paths, by the model it names, if it names one.

        Raises:
            InvalidRequest: what it names is no name.
        """
        if name is not None and not isinstance(name, str):
            raise InvalidRequest("'model' must be a string.", param="model")
        model = name or ""
        return Planned(
            requested=model,
            model=model,
            substituted=False,
            thinking_suffix=False,
            plan=self._planner.among(self.passthrough[path], model),
        )
