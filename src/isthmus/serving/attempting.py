"""One attempt: a prepared request goes to one route, and its answer to whoever listens.

Owns the translation of everything that can go wrong into the gateway's errors, and what health is
told of it. Whether anything else is tried is for the exchange.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from msgspec import Struct

from isthmus.call import Attempt
from isthmus.errors import UpstreamBroken, UpstreamError, UpstreamUnavailable
from isthmus.routing.health import Health
from isthmus.routing.plan import Route
from isthmus.routing.verdict import Verdict, verdict
from isthmus.serving import relay
from isthmus.serving.answers import MESSAGE, Answer, Whole
from isthmus.serving.limit import Limit
from isthmus.serving.timers import Watch
from isthmus.upstreams import failures
from isthmus.upstreams.transport import TransportError, UpstreamResponse
from isthmus.upstreams.upstream import Upstream, UpstreamCall


class Prepared(Struct, frozen=True, kw_only=True):
    """A request as one route takes it. ``stream``: whether the upstream shall stream."""

    call: UpstreamCall
    stream: bool
    slow_start: bool
    answer: Answer = MESSAGE


class Attempting:
    """One attempt. ``now`` is the loop's clock, ``deadline`` the client's, by that clock.

    ``record`` is what will be known of it afterwards, ``verdict`` what its failure means;
    ``has_content``: some of an answer has come.
    """

    def __init__(
        self,
        upstream: Upstream,
        route: Route,
        health: Health,
        *,
        now: Callable[[], float],
        deadline: float,
    ) -> None:
        self.route = route
        self.record = Attempt(
            upstream=route.upstream,
            model=route.model,
            base_url=route.base_url,
            credential=route.credential.number,
            prices=route.prices,
        )
        self.verdict = Verdict("nowhere")
        self.has_content = False
        self._upstream = upstream
        self._health = health
        self._now = now
        self._deadline = deadline

    async def stream(
        self, prepared: Prepared, listener: relay.Listener, on_content: Callable[[], None]
    ) -> None:
        """Hand the answer to ``listener`` as it comes; ``on_content`` is called at the first of it.

        Raises:
            UpstreamError: none came, or it broke.
        """
        watch = Watch(
            self._upstream.timers,
            slow_start=prepared.slow_start,
            deadline=self._deadline,
            blocked=listener.blocked,
        )

        def begun() -> None:
            self._answered(on_content)

        with self, watch.limit:
            response = await self._send(prepared)
            try:
                await relay.streamed(response, prepared.answer, listener, watch, begun)
            finally:
                response.close()

    async def whole(self, prepared: Prepared, on_content: Callable[[], None]) -> Whole:
        """Return an answer in one piece; ``on_content`` is called when it has come.

        Raises:
            UpstreamError: none came.
        """
        until = min(self._now() + self._upstream.timers.unary_total, self._deadline)
        with self:
            with Limit(until):
                response = await self._send(prepared)
                try:
                    whole = await relay.whole(response, prepared.answer)
                finally:
                    response.close()
            self._answered(on_content)
        return whole

    def _answered(self, on_content: Callable[[], None]) -> None:
        self.has_content = True
        self._trial.answered()
        on_content()

    async def _send(self, prepared: Prepared) -> UpstreamResponse:
        timers, route, record = self._upstream.timers, self.route, self.record
        response = await self._upstream.transport.send(
            self._upstream.request(prepared.call, route.base_url, route.credential.number),
            connect_timeout=timers.connect,
            write_timeout=timers.write,
        )
        record.status, record.sent = response.status, "all"
        headers = response.headers
        record.request_id = headers.get("request-id") or headers.get("x-request-id")
        return response

    def __enter__(self) -> None:
        """Begin: every failure becomes an error of the gateway's, and health is told."""
        self._trial = self._health.trial(self.route)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End.

        Raises:
            UpstreamError: in place of what the transport or a time limit raised.
        """
        try:
            if kind is None:
                self._trial.completed()
            elif isinstance(error, TransportError):
                self.record.sent = error.sent
                raise self._failed(failures.unavailable(error)) from None
            elif isinstance(error, TimeoutError):
                raise self._failed(self._too_slow()) from None
            elif isinstance(error, UpstreamError):
                self._failed(error)
        finally:
            self._trial.close()

    def _failed(self, error: UpstreamError) -> UpstreamError:
        error.upstream, self.record.error = self.route.upstream, error.code
        # A client's own impatience is nobody's fault.
        if self._now() < self._deadline:
            self.verdict = verdict(error, self.record)
            self._health.failed(self.route, self.verdict)
        return error

    def _too_slow(self) -> UpstreamError:
        if self.has_content:
            return UpstreamBroken("The upstream stopped sending in the middle of its answer.")
        return UpstreamUnavailable(
            "The upstream did not answer in time.", code="timeout", status=504
        )
