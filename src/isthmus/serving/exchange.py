"""The spine: what happens to a call between its admission and its end.

plan -> per route: translate the request, send it, wait for the first good event -> commit -> per
event: translate, encode, write. Here, and only here, translations and upstreams meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from isthmus.call import Attempt, Incident, IncidentKind, Observer, Outcome, Usage
from isthmus.errors import UpstreamBroken, UpstreamError, UpstreamRefused, UpstreamUnavailable
from isthmus.routing.failover import Failover, Step
from isthmus.routing.health import Health, Trial
from isthmus.routing.plan import Route
from isthmus.routing.verdict import verdict
from isthmus.serving import relay
from isthmus.serving.timers import Watch
from isthmus.upstreams import failures
from isthmus.upstreams.transport import TransportError
from isthmus.upstreams.upstream import MessagesCall, Upstream
from isthmus.wire.messages.documents import Message


class Prepared(Struct, frozen=True, kw_only=True):
    """A request translated for one model. ``stream``: whether the upstream shall stream."""

    call: MessagesCall
    stream: bool
    slow_start: bool


class Caller(relay.Listener, Protocol):
    """The client's side of a call: translates for it and hands it what arrives.

    ``committed``: content has gone out to the client, so no other upstream may be tried.
    ``following``: what to ask next on the same route, where the last answer was not the end of the
    turn. ``patience``: for how many seconds the client will wait, counted from the start.
    """

    committed: bool
    following: Prepared | None
    patience: float

    @property
    def usage(self) -> Usage | None:
        """What the answer under way has used so far."""
        ...

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route, and forget what an earlier attempt left behind."""
        ...

    def repaired(self, error: UpstreamRefused) -> Prepared | None:
        """Return the request as it may be taken after such a refusal; None where it is final."""
        ...

    async def take_whole(self, message: Message) -> None:
        """Take an answer that was not streamed."""
        ...


class Exchange:
    """Carries calls to upstreams, trying the routes of a plan until one answers."""

    def __init__(
        self, upstreams: Mapping[str, Upstream], health: Health, observer: Observer
    ) -> None:
        self._upstreams = upstreams
        self._health = health
        self._observer = observer

    async def run(self, routes: Sequence[Route], caller: Caller, outcome: Outcome) -> None:
        """Serve ``caller`` by the first route that works, beginning with the first that is well.

        Raises:
            GatewayError: none did, or the answer broke after content had gone out.
        """
        tour = _Tour(self._upstreams, self._health, caller, outcome, routes)
        budget = self._health.budget(routes[0].upstream)
        budget.calls += 1
        try:
            route = tour.failover.first()
            while True:
                try:
                    await tour.visit(route)
                except UpstreamError as error:
                    step = tour.after(route, error)
                    self._tell(route, error, step)
                    if step is None:
                        raise (tour.failover.error or error) from None
                    await asyncio.sleep(step.pause)
                    route = step.route
                else:
                    return
        finally:
            budget.calls -= 1
            tour.end()

    def _tell(self, route: Route, error: UpstreamError, step: Step | None) -> None:
        if step is None:
            return
        kind: IncidentKind = "retried" if step.route is route else "failed_over"
        self._observer.noticed(
            Incident(
                kind=kind,
                upstream=route.upstream,
                credential=str(route.credential.number),
                base_url=route.base_url,
                model=route.model,
                reason=error.code or "",
            )
        )


class _Tour:
    """One call on its way through the routes."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        health: Health,
        caller: Caller,
        outcome: Outcome,
        routes: Sequence[Route],
    ) -> None:
        self._upstreams = upstreams
        self._health = health
        self._caller = caller
        self._outcome = outcome
        self._now = asyncio.get_running_loop().time
        self._began = self._now()
        self._deadline = self._began + caller.patience
        self._retried: list[str] = []
        self._has_content = False
        self.failover = Failover(routes, health, clock=self._now, deadline=self._deadline)

    async def visit(self, route: Route) -> None:
        """Ask one route, as often as the turn takes; mend once what it refuses."""
        caller = self._caller
        prepared, mended = caller.prepare(route), False
        self._has_content = False
        while prepared is not None:
            attempt = Attempt(
                upstream=route.upstream,
                model=route.model,
                base_url=route.base_url,
                credential=route.credential.number,
            )
            self._outcome.attempts.append(attempt)
            try:
                await self._try(route, prepared, attempt)
            except UpstreamRefused as error:
                again = None if mended or caller.committed else caller.repaired(error)
                if again is None:
                    raise
                attempt.error = error.code
                prepared, mended = again, True
            else:
                prepared = caller.following

    def after(self, route: Route, error: UpstreamError) -> Step | None:
        """Take note of a failure, and return what to do next; None: tell the caller."""
        attempt = self._outcome.attempts[-1]
        error.upstream, attempt.error = route.upstream, error.code
        if self._now() >= self._deadline:
            return None  # the client's own impatience is nobody's fault
        judged = verdict(error, attempt)
        self._health.failed(route, judged)
        if self._caller.committed:
            return None
        step = self.failover.after(route, error, judged, has_content=self._has_content)
        if step is not None and step.retries:
            self._retried.append(step.route.upstream)
            self._health.budget(step.route.upstream).retries += 1
        return step

    def end(self) -> None:
        """Give back what was taken of the retry budgets."""
        for upstream in self._retried:
            self._health.budget(upstream).retries -= 1

    async def _try(self, route: Route, prepared: Prepared, attempt: Attempt) -> None:
        trial = self._health.trial(route)
        try:
            await self._ask(route, prepared, attempt, trial)
        except TransportError as error:
            attempt.sent = error.sent
            raise failures.unavailable(error) from None
        except TimeoutError:
            raise self._too_slow() from None
        finally:
            trial.close()
            attempt.usage = self._caller.usage

    async def _ask(self, route: Route, prepared: Prepared, attempt: Attempt, trial: Trial) -> None:
        upstream, caller = self._upstreams[route.upstream], self._caller
        timers = upstream.timers
        watch = Watch(
            timers,
            streams=prepared.stream,
            slow_start=prepared.slow_start,
            deadline=self._deadline,
        )

        def on_content() -> None:
            self._has_content = True
            trial.answered()
            if self._outcome.first_content_seconds is None:
                self._outcome.first_content_seconds = self._now() - self._began

        async with watch.limit:
            response = await upstream.transport.send(
                upstream.request(prepared.call, route.base_url, route.credential.number),
                connect_timeout=timers.connect,
                write_timeout=timers.write,
            )
            attempt.status, attempt.sent = response.status, "all"
            attempt.request_id = response.headers.get("request-id")
            try:
                if prepared.stream:
                    await relay.streamed(response, caller, watch, on_content)
                else:
                    message = await relay.whole(response)
                    on_content()
                    await caller.take_whole(message)
            finally:
                response.close()

    def _too_slow(self) -> UpstreamError:
        if self._caller.committed:
            return UpstreamBroken("The upstream stopped sending in the middle of its answer.")
        return UpstreamUnavailable(
            "The upstream did not answer in time.", code="timeout", status=504
        )
