"""The order of attempts: which upstreams may serve a model, and where to go on after a failure.

Pure: it knows nothing of health, time or what an upstream is made of. Whether content has already
gone out, after which nothing else may be tried, is for the exchange to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from isthmus.call import Capabilities
from isthmus.errors import UnknownModel, UpstreamError, UpstreamRefused
from isthmus.routing.catalog import Catalog, Deprecation
from isthmus.routing.names import find_row
from isthmus.routing.overrides import Override

#: Kinds of upstreams that serve Claude models without being told so; the first that is there wins.
_SERVES_CLAUDE = ("anthropic", "sandbox")

#: Where to go on after a failure: to any other route; to another target, but never to another base
#: URL with the same credential; past everything that has this credential; nowhere.
Reach = Literal["route", "target", "upstream", "nowhere"]

_REACH: dict[int, Reach] = {
    401: "upstream",
    402: "upstream",
    403: "target",
    408: "route",  # it waited for the request in vain: nothing was done, nothing is billed
    429: "target",
}
#: The credential has no money left, which the API says by a 400 or a 429 as well.
_OUT_OF_MONEY = re.compile(
    r"credit balance is too low|spend(?:ing)? limit|usage limits|billing", re.IGNORECASE
)


class ConfiguredUpstream(Protocol):
    """What planning needs to know of an upstream. ``base_urls``: primary first, at least one."""

    @property
    def kind(self) -> str:
        """The platform it is."""
        ...

    @property
    def base_urls(self) -> Sequence[str]:
        """Where it can be reached."""
        ...


class ConfiguredTarget(Protocol):
    """A model of one upstream, as the configuration names it."""

    @property
    def upstream(self) -> str:
        """The name of the upstream."""
        ...

    @property
    def model(self) -> str:
        """The model's id there."""
        ...


class Target(Struct, frozen=True):
    """A model of one upstream."""

    upstream: str
    model: str


class Route(Struct, frozen=True, kw_only=True):
    """One way to serve a call: a target at one of its upstream's base URLs."""

    upstream: str
    model: str
    base_url: str
    capabilities: Capabilities
    deprecation: Deprecation | None = None


class Plan(Struct, frozen=True):
    """The routes of a call, in the order in which they are to be tried; at least one."""

    routes: tuple[Route, ...]

    def next_after(self, index: int, error: UpstreamError) -> int | None:
        """Return the route to try after ``routes[index]`` failed before any content; None: stop."""
        failed, reach = self.routes[index], reach_of(error)
        for following in range(index + 1, len(self.routes)):
            if _is_within(reach, failed, self.routes[following]):
                return following
        return None


class Planner:
    """Makes the plans of a configuration."""

    def __init__(
        self,
        catalog: Catalog,
        upstreams: Mapping[str, ConfiguredUpstream],
        models: Mapping[str, Sequence[ConfiguredTarget]],
        overrides: Mapping[str, Override] | None = None,
    ) -> None:
        """Take upstreams by name, and the targets of the operator's models, each in file order.

        ``overrides`` are by the same names, and hold for all their targets.

        Raises:
            ValueError: an upstream has no base URL; a model has no target, or one at an upstream
                that does not exist.
        """
        for name, upstream in upstreams.items():
            if not upstream.base_urls:
                raise ValueError(f"upstream {name!r} has no base URL")
        self._catalog = catalog
        self._upstreams = upstreams
        self._overrides = overrides or {}
        self._claude = _claude_upstreams(upstreams)
        self._plans = {name: self._of_targets(name, targets) for name, targets in models.items()}
        for row in catalog.rows:
            if self._claude and row.id not in self._plans:
                self._plans[row.id] = self._of_claude(row.id)

    def plan(self, model: str) -> Plan:
        """Plan a call to a model, named as `names.Names.resolve` names it.

        Raises:
            UnknownModel: no upstream serves it.
        """
        if model in self._plans:
            return self._plans[model]
        if not self._claude:
            raise UnknownModel("No upstream here serves this model.", param="model")
        return self._of_claude(model)

    def _of_claude(self, model: str) -> Plan:
        return self._of(model, (Target(upstream, model) for upstream in self._claude))

    def _of_targets(self, name: str, targets: Sequence[ConfiguredTarget]) -> Plan:
        missing = [target.upstream for target in targets if target.upstream not in self._upstreams]
        if missing:
            raise ValueError(f"model {name!r}: there is no upstream {missing[0]!r}")
        if not targets:
            raise ValueError(f"model {name!r} has no target")
        return self._of(name, (Target(target.upstream, target.model) for target in targets))

    def _of(self, name: str, targets: Iterable[Target]) -> Plan:
        override = self._overrides.get(name, Override())
        different = dict.fromkeys(targets)
        return Plan(tuple(route for target in different for route in self._to(target, override)))

    def _to(self, target: Target, override: Override) -> Iterable[Route]:
        row = find_row(self._catalog, target.model)
        rules = (row or self._catalog.newest).capabilities
        for base_url in self._upstreams[target.upstream].base_urls:
            yield Route(
                upstream=target.upstream,
                model=target.model,
                base_url=base_url,
                capabilities=override.applied_to(rules),
                deprecation=row.deprecation if row is not None else None,
            )


def reach_of(error: UpstreamError) -> Reach:
    """Decide how far away the next attempt must be after a failure before any content."""
    if not isinstance(error, UpstreamRefused):
        return "route"  # not reached, not answered in time, or broken off
    status = error.upstream_status
    if status in (400, 429) and _speaks_of_money(error):
        return "upstream"
    if status in _REACH:
        return _REACH[status]
    # What the caller got wrong stays wrong elsewhere; anything else is the upstream's own trouble.
    return "nowhere" if 400 <= status < 500 else "route"


def _speaks_of_money(error: UpstreamRefused) -> bool:
    by_type = error.upstream_type == "billing_error"
    return by_type or _OUT_OF_MONEY.search(error.message) is not None


def _is_within(reach: Reach, failed: Route, following: Route) -> bool:
    same_upstream = following.upstream == failed.upstream
    match reach:
        case "route":
            return True
        case "target":
            same_target = same_upstream and following.model == failed.model
            return not same_target and (not same_upstream or following.base_url == failed.base_url)
        case "upstream":
            return not same_upstream
        case "nowhere":
            return False


def _claude_upstreams(upstreams: Mapping[str, ConfiguredUpstream]) -> tuple[str, ...]:
    for kind in _SERVES_CLAUDE:
        names = tuple(name for name, upstream in upstreams.items() if upstream.kind == kind)
        if names:
            return names
    return ()
