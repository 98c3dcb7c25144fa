"""The spine: what happens to a call between its admission and its end.

per route: translate the request, send it, wait for the first good event -> commit -> per event:
translate, encode, write. Here, and only here, translations and upstreams meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from isthmus.call import Incident, IncidentKind, Observer, Outcome, Usage
from isthmus.errors import UpstreamError, UpstreamRefused
from isthmus.ledger.pricing import settle
from isthmus.redaction import masked
from isthmus.routing.failover import Failover, Step
from isthmus.routing.health import Health
from isthmus.routing.plan import Route
from isthmus.serving import relay
from isthmus.serving.answers import Whole
from isthmus.serving.attempting import Attempting, Prepared
from isthmus.serving.hedging import HedgeBudget, first_of
from isthmus.upstreams.upstream import Upstream


class Caller(relay.Listener, Protocol):
    """The client's side of a call: translates for it and hands it what arrives.

    ``committed``: content has gone out to the client, so no other upstream may be tried.
    ``following``: what to ask next on the same route, where the last answer was not the end of the
    turn. ``patience``: for how many seconds the client will wait, counted from the start.
    """

    @property
    def committed(self) -> bool:
        """Whether content has gone out."""
        ...

    @property
    def following(self) -> Prepared | None:
        """What to ask next."""
        ...

    @property
    def patience(self) -> float:
        """For how long the client will wait, in seconds."""
        ...

    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came; once."""
        ...

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route, and forget what an earlier attempt left behind."""
        ...

    def repaired(self, error: UpstreamRefused, /) -> Prepared | None:
        """Return the request as it may be taken after such a refusal; None where it is final."""
        ...

    async def take_whole(self, whole: Whole, /) -> None:
        """Take an answer that was not streamed."""
        ...


class Exchange:
    """Carries calls to upstreams, trying the routes of a plan until one answers."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        health: Health,
        observer: Observer,
        *,
        secrets: Sequence[str] = (),
        on_begin: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        """Take what calls need; ``secrets`` are shown to nobody, whatever an upstream says.

        ``on_begin`` is told of each call before it goes upstream.
        """
        self._on_begin = on_begin
        self._secrets = secrets
        self.upstreams = upstreams
        self.health = health
        self.observer = observer
        self.hedges = HedgeBudget()

    async def run(self, routes: Sequence[Route], caller: Caller, outcome: Outcome) -> None:
        """Serve ``caller`` by the first route that works, beginning with the first that is well.

        Raises:
            GatewayError: none did, or the answer broke after content had gone out.
        """
        outcome.began = True
        self._on_begin(outcome)
        tour = _Tour(self, routes, caller, outcome)
        budget = self.health.budget(routes[0].upstream)
        budget.calls += 1
        try:
            route = tour.failover.first()
            while True:
                try:
                    await tour.visit(route)
                except UpstreamError as error:
                    step = tour.after(error)
                    if step is None:
                        # What an answer broke off for says more than what came before it.
                        told = None if caller.committed else tour.failover.error
                        told = told or error
                        # An upstream may repeat the key that it refuses.
                        told.message = masked(told.message, self._secrets)
                        if isinstance(told, UpstreamRefused) and told.body is not None:
                            told.body = masked(told.body, self._secrets)
                        raise told from None
                    if step.pause:
                        await asyncio.sleep(step.pause)
                    route = step.route
                else:
                    return
        finally:
            budget.calls -= 1
            tour.end()


class _Tour:
    """One call on its way through the routes."""

    def __init__(
        self, exchange: Exchange, routes: Sequence[Route], caller: Caller, outcome: Outcome
    ) -> None:
        self._exchange = exchange
        self._health = exchange.health
        self._caller = caller
        self._outcome = outcome
        self._now = asyncio.get_running_loop().time
        self._began = self._now()
        self._deadline = self._began + caller.patience
        self._retried: list[str] = []
        self._attempting: Attempting | None = None
        self.failover = Failover(routes, self._health, clock=self._now, deadline=self._deadline)

    async def visit(self, route: Route) -> None:
        """Ask one route, as often as the turn takes; mend once what it refuses."""
        caller = self._caller
        prepared, mended = caller.prepare(route), False
        while prepared is not None:
            try:
                await self._ask(route, prepared)
            except UpstreamRefused as error:
                again = None if mended or caller.committed else caller.repaired(error)
                if again is None:
                    raise
                prepared, mended = again, True
            else:
                prepared = caller.following

    def after(self, error: UpstreamError) -> Step | None:
        """Return what to do after a failure; None: tell the caller."""
        failed = self._attempting
        if failed is None or self._caller.committed:
            return None
        step = self.failover.after(
            failed.route, error, failed.verdict, has_content=failed.has_content
        )
        if step is None:
            return None
        if step.retries:
            self._retried.append(step.route.upstream)
            self._health.budget(step.route.upstream).retries += 1
        same = step.route is failed.route
        self._tell("retried" if same else "failed_over", failed.route, error.code or "")
        return step

    def end(self) -> None:
        """Give back what was taken of the retry budgets."""
        for upstream in self._retried:
            self._health.budget(upstream).retries -= 1

    async def _ask(self, route: Route, prepared: Prepared) -> None:
        """Ask once, and hand the answer over."""
        caller = self._caller
        attempting = self._attempting = self._new(route)
        try:
            if prepared.stream:
                await attempting.stream(prepared, caller, self._on_content)
            else:
                await caller.take_whole(await self._whole(attempting, prepared))
        finally:
            settle(self._attempting.record, caller.spent())

    async def _whole(self, attempting: Attempting, prepared: Prepared) -> Whole:
        """Ask for an answer in one piece; where the operator allows it, at two routes."""
        route = attempting.route
        hedges, after = self._exchange.hedges, self._exchange.upstreams[route.upstream].hedge_after
        other = None if after is None else self.failover.alternative(route)
        if after is None or other is None:
            return await attempting.whole(prepared, self._on_content)
        hedges.note_call()

        another: list[Attempting] = []

        async def ask_other() -> Whole:
            self._tell("hedged", route)
            self.failover.forget(other)
            another.append(self._new(other))
            return await another[0].whole(prepared, self._on_content)

        whole = await first_of(
            lambda: attempting.whole(prepared, self._on_content),
            ask_other,
            after=after,
            may=hedges.take,
        )
        # Whoever answered is who has served the call.
        winner = self._attempting = attempting if attempting.has_content else another[0]
        self._outcome.attempts.remove(winner.record)
        self._outcome.attempts.append(winner.record)
        return whole

    def _new(self, route: Route) -> Attempting:
        attempting = Attempting(
            self._exchange.upstreams[route.upstream],
            route,
            self._health,
            now=self._now,
            deadline=self._deadline,
        )
        self._outcome.attempts.append(attempting.record)
        return attempting

    def _on_content(self) -> None:
        if self._outcome.first_content_seconds is None:
            self._outcome.first_content_seconds = self._now() - self._began

    def _tell(self, kind: IncidentKind, route: Route, reason: str = "") -> None:
        self._exchange.observer.noticed(
            Incident(
                kind=kind,
                upstream=route.upstream,
                credential=str(route.credential.number),
                base_url=route.base_url,
                model=route.model,
                reason=reason,
            )
        )
