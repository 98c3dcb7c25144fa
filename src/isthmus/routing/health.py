"""Who is well: what this process has seen of base URLs and credentials, and what follows.

A base URL that cannot be reached is out of service at once, one that fails after five failures in
a row; a credential that is refused or out of money, and one that a model's limit was reached with,
likewise. Times out of service grow, and end with a trial: one call goes there, and if it is
answered all others may. Nothing is tried without a call; where everything is out of service
`failover` asks what is left nevertheless.

What is known outlives a change of the configuration: it belongs to an upstream's URLs and to its
credentials by what they are, so that only a new URL or a new secret starts without a past.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from isthmus.call import Incident, IncidentKind, Observer
from isthmus.routing.plan import Credential, Route
from isthmus.routing.retry_budget import RetryBudget
from isthmus.routing.suspension import Standing, Suspension
from isthmus.routing.verdict import Blame, Verdict
from isthmus.routing.window import Window

#: In seconds: the first time, and at most.
_EJECTION = (5.0, 300.0)
_REFUSAL = (5.0, 300.0)
_UNPAID = (30.0, 600.0)
_LIMIT = (5.0, 60.0)
#: What an upstream says of its own limits is believed within these bounds. Seconds.
_SHORTEST_LIMIT, _LONGEST_LIMIT = 1.0, 60.0
#: How far an estimate moves with each value.
_STEP = 0.05
#: One base URL may fail so often in a row.
_FAILURES = 5

#: Models of one credential of which limits are remembered.
_MOST_LIMITS = 256

#: What an attempt is a trial of, and the number of each trial.
Tried = list[tuple[Suspension, int]]

#: How a route stands: as its worst part does; ``crowded``: well, but with enough to do.
RouteStanding = Literal["in service", "crowded", "due", "out", "barred"]


class _Place:
    """One base URL."""

    __slots__ = ("ejection", "failures", "wait")

    def __init__(self) -> None:
        self.failures = 0
        self.wait = 0.0
        self.ejection = Suspension(*_EJECTION)


class _Account:
    """One credential. ``barred``: refused or unpaid; ``limits``: by model."""

    __slots__ = ("limits", "refusal", "unpaid", "window")

    def __init__(self) -> None:
        self.refusal = Suspension(*_REFUSAL)
        self.unpaid = Suspension(*_UNPAID)
        self.limits: dict[str, Suspension] = {}
        self.window = Window()


class Health:
    """Keeps what is known, and tells an observer what changes. ``clock``: monotonic seconds."""

    def __init__(self, clock: Callable[[], float], observer: Observer) -> None:
        self.clock = clock
        self._observer = observer
        self._places: dict[tuple[str, str], _Place] = {}
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._budgets: dict[str, RetryBudget] = {}
        #: How much is out of service: while all is well nothing need be looked up.
        self._out = 0

    def budget(self, upstream: str) -> RetryBudget:
        """Return the retry budget of an upstream."""
        found = self._budgets.get(upstream)
        if found is None:
            found = self._budgets[upstream] = RetryBudget()
        return found

    def standing(self, route: Route) -> RouteStanding:
        """Say how a route stands now."""
        account = self._account(route.credential)
        if not self._out:
            return "crowded" if account.window.full else "in service"
        place = self._place(route)
        now = self.clock()
        barred = _worst(account.refusal.standing(now), account.unpaid.standing(now))
        if barred == "out":
            return "barred"
        limit = account.limits.get(route.model)
        limited: Standing = "in service" if limit is None else limit.standing(now)
        worst = _worst(barred, _worst(limited, place.ejection.standing(now)))
        return "crowded" if worst == "in service" and account.window.full else worst

    def until(self, route: Route) -> float:
        """Return when a route that is out will be due, by the clock."""
        return max((part.until for _, part in self._parts(route) if part.times), default=0.0)

    def usual_wait(self, route: Route) -> float:
        """Return about how long the first content takes there, in seconds: the median."""
        return self._place(route).wait

    def trial(self, route: Route) -> Trial:
        """Begin an attempt at a route. It must be ended."""
        return Trial(self, route)

    # Told by trials -------------------------------------------------------------------------

    def began(self, route: Route) -> Tried:
        """Count an attempt in; return what it is a trial of."""
        self._account(route.credential).window.under_way += 1
        if not self._out:
            return []
        now = self.clock()
        due = (part for _, part in self._parts(route) if part.standing(now) == "due")
        return [(part, part.try_it()) for part in due]

    def ended(self, route: Route, tried: Tried) -> None:
        """Count an attempt out."""
        self._account(route.credential).window.under_way -= 1
        for part, trial in tried:
            part.untried(trial)

    def answered(self, route: Route, began: float) -> None:
        """Note that a route gives answers: the first content of an attempt that ``began`` then."""
        seconds = self.clock() - began
        place, account = self._place(route), self._account(route.credential)
        # A step towards each value ends up where as many lie above as below.
        step = place.wait * _STEP or seconds
        place.wait += step if seconds > place.wait else -step
        account.window.answered()
        if not self._out:
            return
        for kind, part in self._parts(route):
            if part.end(began):
                self._out -= 1
                self._tell("recovered", route, reason=kind, place=kind == "ejected")

    def completed(self, route: Route) -> None:
        """Note that an answer came to its end: that, not its beginning, ends a row of failures."""
        self._place(route).failures = 0

    def failed(self, route: Route, verdict: Verdict) -> None:
        """Note how an attempt failed that is over, before any content or after it."""
        match verdict.blame:
            case None:
                return
            case "unreachable" | "failing":
                self._eject(route, verdict.blame)
            case "overloaded":
                self._account(route.credential).window.overloaded(self.clock())
            case "limited" | "forbidden":
                self._limit(route, verdict)
            case "refused" | "unpaid":
                self._bar(route, verdict.blame)

    def _eject(self, route: Route, blame: Blame) -> None:
        place = self._place(route)
        place.failures += 1
        on_trial = place.ejection.times > 0
        if blame == "unreachable" or on_trial or place.failures >= _FAILURES:
            place.failures = 0
            self._suspend(place.ejection, "ejected", route, reason=blame or "")

    def _limit(self, route: Route, verdict: Verdict) -> None:
        account = self._account(route.credential)
        if verdict.blame == "limited":
            account.window.overloaded(self.clock())
        limit = self._limit_of(account, route.model)
        told = verdict.pause
        seconds = None if told is None else min(max(told, _SHORTEST_LIMIT), _LONGEST_LIMIT)
        self._suspend(limit, "cooldown", route, reason=verdict.blame or "", seconds=seconds)

    def _limit_of(self, account: _Account, model: str) -> Suspension:
        limit = account.limits.get(model)
        if limit is not None:
            return limit
        if len(account.limits) >= _MOST_LIMITS:  # callers may name models as they like
            forgotten = account.limits.pop(next(iter(account.limits)))
            self._out -= forgotten.times > 0
        limit = account.limits[model] = Suspension(*_LIMIT)
        return limit

    def _bar(self, route: Route, blame: Blame) -> None:
        account = self._account(route.credential)
        if blame == "refused":
            self._suspend(account.refusal, "quarantined", route, reason=blame)
        else:
            self._suspend(account.unpaid, "parked", route, reason=blame or "")

    def _suspend(
        self,
        part: Suspension,
        kind: IncidentKind,
        route: Route,
        *,
        reason: str,
        seconds: float | None = None,
    ) -> None:
        now = self.clock()
        was_out = part.standing(now) == "out"
        self._out += not part.times
        length = part.begin(now, seconds)
        if not was_out:
            place = kind == "ejected"
            self._tell(kind, route, reason=reason, place=place, seconds=length)

    def _tell(
        self,
        kind: IncidentKind,
        route: Route,
        *,
        reason: str,
        place: bool,
        seconds: float = 0.0,
    ) -> None:
        """Tell what happened: to a place, or to a credential, and that for a model where it is."""
        limited = "cooldown" in (kind, reason)
        self._observer.noticed(
            Incident(
                kind=kind,
                upstream=route.upstream,
                credential="" if place else str(route.credential.number),
                base_url=route.base_url if place else "",
                model=route.model if limited else "",
                reason=reason,
                seconds=seconds,
            )
        )

    # Lookup ---------------------------------------------------------------------------------

    def _parts(self, route: Route) -> list[tuple[str, Suspension]]:
        """List all that can keep a route out of service, by what it is called."""
        account = self._account(route.credential)
        parts = [
            ("ejected", self._place(route).ejection),
            ("quarantined", account.refusal),
            ("parked", account.unpaid),
        ]
        limit = account.limits.get(route.model)
        if limit is not None:
            parts.append(("cooldown", limit))
        return parts

    def _place(self, route: Route) -> _Place:
        key = (route.upstream, route.base_url)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = _Place()
        return found

    def _account(self, credential: Credential) -> _Account:
        key = (credential.upstream, credential.id)
        found = self._accounts.get(key)
        if found is None:
            found = self._accounts[key] = _Account()
        return found


class Trial:
    """One attempt, as health sees it, from its making until it is closed."""

    __slots__ = ("_began", "_health", "_route", "_said", "_tried")

    def __init__(self, health: Health, route: Route) -> None:
        self._health = health
        self._route = route
        self._said = False
        self._tried = health.began(route)
        self._began = health.clock()

    def answered(self) -> None:
        """Note the first sign of a good answer; later ones say nothing new."""
        if not self._said:
            self._said = True
            self._health.answered(self._route, self._began)

    def completed(self) -> None:
        """Note that the answer came to its end."""
        self._health.completed(self._route)

    def close(self) -> None:
        """Note that it is over, whatever came of it. How it failed is told to `Health` then."""
        self._health.ended(self._route, self._tried)


def _worst(one: Standing, other: Standing) -> Standing:
    if "out" in (one, other):
        return "out"
    return "due" if "due" in (one, other) else "in service"
