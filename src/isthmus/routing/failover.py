"""One call's way through the routes of its plan.

A failure with nothing sent, or a plain refusal, moves on to every route that has not been tried,
and costs nothing. What may have been billed, and asking the same route again, is bounded three
times over: by a number per call, by the retry budget of the upstream, and by the call's deadline.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from msgspec import Struct

from isthmus.errors import UpstreamError, UpstreamRefused, UpstreamUnavailable
from isthmus.routing.health import Health, RouteStanding
from isthmus.routing.plan import Route
from isthmus.routing.verdict import Verdict, allows

#: Attempts of one call that may have been billed, and second tries at one route.
_MOST_RISKS = 3
#: Seconds between tries at one route: grows from the first to the last; the second is for routes
#: that could not be reached.
_PAUSES = (0.25, 4.0)
_REACH_AGAIN = (0.05, 0.25)
#: With less time left than this nothing new is begun. Seconds.
_TOO_LATE = 1.0

#: Which standing is preferred. A route that is due is tried like any other: that is its trial.
_PREFERENCE: tuple[tuple[RouteStanding, ...], ...] = (("in service", "due"), ("crowded",))


class Step(Struct, frozen=True):
    """What to try next: a route, after so many seconds. ``retries``: it takes of the budget."""

    route: Route
    pause: float = 0.0
    retries: bool = False


class Failover:
    """Decides for one call. ``clock``: monotonic seconds; ``deadline``: by that clock."""

    def __init__(
        self,
        routes: Sequence[Route],
        health: Health,
        *,
        clock: Callable[[], float],
        deadline: float,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._untried = list(routes)
        self._health = health
        self._clock = clock
        self._deadline = deadline
        self._jitter = jitter
        self._risks = 0
        self._retries = 0
        self._reached_again: set[int] = set()
        #: What to tell the caller if nothing works.
        self.error: UpstreamError | None = None

    def first(self) -> Route:
        """Return the route to begin with."""
        return self._take(self._untried)

    def after(
        self, route: Route, error: UpstreamError, verdict: Verdict, *, has_content: bool = False
    ) -> Step | None:
        """Return what to try after ``route`` failed before its answer was shown; None: give up.

        ``has_content``: there was some, for which a whole answer was waited. That much was billed
        for certain, and only one more route is tried.
        """
        self._keep(error)
        # A route that this failure says nothing good about will not do any better later.
        self._untried = [left for left in self._untried if allows(verdict.reach, route, left)]
        self._risks += _MOST_RISKS - 1 if has_content else verdict.risky
        risky = verdict.risky or has_content
        if risky and self._risks >= _MOST_RISKS:
            return None
        possible = [left for left in self._untried if self._is_possible(left, risky=risky)]
        if possible:
            return Step(self._take(possible), retries=risky)
        return self._once_more(route, verdict)

    def alternative(self, route: Route) -> Route | None:
        """Return an untried route that is well and answers as ``route`` would."""
        for left in self._untried:
            alike = (left.model, left.capabilities) == (route.model, route.capabilities)
            if alike and self._health.standing(left) == "in service":
                return left
        return None

    def forget(self, route: Route) -> None:
        """Note that a route is tried beside another."""
        self._untried.remove(route)

    def _is_possible(self, route: Route, *, risky: bool) -> bool:
        """Say whether to go on there. A refused credential is only asked where no other has been.

        ``risky``: that takes of the retry budget.
        """
        if self._health.standing(route) == "barred" or self._is_too_late(route):
            return False
        return not risky or self._health.budget(route.upstream).allows

    def _take(self, routes: Sequence[Route]) -> Route:
        route = self._chosen(routes)
        self._untried.remove(route)
        return route

    def _chosen(self, routes: Sequence[Route]) -> Route:
        """Prefer what is well, in the order of the plan; else what will be so soonest."""
        first = routes[0]
        if self._health.standing(first) in _PREFERENCE[0]:
            return first
        standings = [self._health.standing(route) for route in routes]
        for preferred in _PREFERENCE:
            for route, standing in zip(routes, standings, strict=True):
                if standing in preferred:
                    return route
        # The last one standing is never taken out: a guess may be wrong, a refusal is certain.
        barred = [standing == "barred" for standing in standings]
        order = zip(barred, (self._health.until(route) for route in routes), strict=True)
        return min(zip(order, routes, strict=True), key=lambda pair: pair[0])[1]

    def _once_more(self, route: Route, verdict: Verdict) -> Step | None:
        """Ask the same route again, where that may help and there is no other."""
        if not verdict.again or self._risks + self._retries + 1 >= _MOST_RISKS:
            return None
        if verdict.blame == "unreachable" and id(route) in self._reached_again:
            return None
        if not self._health.budget(route.upstream).allows:
            return None
        pause = self._pause(verdict)
        if self._is_too_late(route, pause):
            return None
        self._retries += 1
        self._reached_again.add(id(route))
        return Step(route, pause=pause, retries=True)

    def _is_too_late(self, route: Route, pause: float = 0.0) -> bool:
        """Say whether an answer could hardly begin before the deadline."""
        wait = pause + _TOO_LATE + self._health.usual_wait(route)
        return self._clock() + wait > self._deadline

    def _pause(self, verdict: Verdict) -> float:
        if verdict.pause is not None:
            return verdict.pause
        if verdict.blame == "unreachable":
            return self._jitter(*_REACH_AGAIN)
        first, longest = _PAUSES
        return self._jitter(0.0, min(first * 2**self._retries, longest))

    def _keep(self, error: UpstreamError) -> None:
        """Remember the error that tells the caller most; of two alike, the later one."""
        if self.error is None or _telling(error) >= _telling(self.error):
            self.error = error.kept()


def _telling(error: UpstreamError) -> int:
    """Rank errors by what a caller can make of them: ours to fix last."""
    if isinstance(error, UpstreamRefused):
        return 0 if error.upstream_status in (401, 402, 403) else 3
    return 1 if isinstance(error, UpstreamUnavailable) and error.code != "timeout" else 2
