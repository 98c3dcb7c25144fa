"""``POST /v1/messages`` and its count of tokens: the door Anthropic's SDKs and Claude Code use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from isthmus.call import Outcome, Principal
from isthmus.errors import GatewayError, UpstreamError, UpstreamRefused
from isthmus.routing.affinity import in_order
from isthmus.routing.plan import Route
from isthmus.routing.router import Router
from isthmus.serving.conversation import named, session_of
from isthmus.serving.exchange import Exchange
from isthmus.serving.gate import Gate
from isthmus.serving.heartbeat import beat
from isthmus.serving.messages_call import PassedCall, is_our_trouble
from isthmus.serving.messages_callers import PATH, PING, PassedStream, PassedWhole
from isthmus.serving.model_call import tell_attempts
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.wishes import wishes
from isthmus.wire.messages.passed import PassedRequest

#: For how long a client may be told to wait, in seconds: more, and it shows its error at once.
_PAUSES = (1, 60)


class Messages:
    """The endpoints."""

    def __init__(self, *, gate: Gate, router: Router, exchange: Exchange) -> None:
        self._gate = gate
        self._router = router
        self._exchange = exchange

    async def create(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Serve one call. The key is looked at before the body is read."""
        principal = await self._gate.enter(request, outcome)
        try:
            call = await self._call(request, reply, outcome)
            routes = self._in_turn(call, principal, request)
            if call.document.stream:
                await self._stream(routes, PassedStream(call, reply, outcome), reply, outcome)
            else:
                whole = PassedWhole(call, reply, outcome, path=PATH, answer="message")
                await self._exchange.run(routes, whole, outcome)
        except UpstreamError as error:
            tell_attempts(reply, outcome)
            raise told(error) from None
        finally:
            self._gate.leave()

    async def count_tokens(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Have the tokens of a prompt counted."""
        principal = await self._gate.enter(request, outcome)
        try:
            call = await self._call(request, reply, outcome)
            path = f"{PATH}/count_tokens"
            whole = PassedWhole(call, reply, outcome, path=path, answer="count")
            await self._exchange.run(self._in_turn(call, principal, request), whole, outcome)
        except UpstreamError as error:
            tell_attempts(reply, outcome)
            raise told(error) from None
        finally:
            self._gate.leave()

    async def _call(self, request: Request, reply: Reply, outcome: Outcome) -> PassedCall:
        document = PassedRequest(await request.body())
        planned = self._router.plan(document.model)
        asked = wishes(request.headers, stream=document.stream)
        call = PassedCall(document, request, planned, asked)
        outcome.model = planned.model
        call.announce(reply)
        return call

    def _in_turn(self, call: PassedCall, principal: Principal, request: Request) -> Sequence[Route]:
        plan = call.planned.plan
        if not plan.varies:
            return plan.routes
        session = session_of(request.headers)
        opening = [] if session else call.document.opening
        return in_order(plan, named(principal.id, session, opening), None)

    async def _stream(
        self, routes: Sequence[Route], caller: PassedStream, reply: Reply, outcome: Outcome
    ) -> None:
        failure: GatewayError | None = None
        async with asyncio.TaskGroup() as group:
            heart = group.create_task(beat(reply, PING))
            try:
                await self._exchange.run(routes, caller, outcome)
            except GatewayError as error:
                failure = told(error) if isinstance(error, UpstreamError) else error
                failure = failure.kept()
            finally:
                caller.note_usage()
                heart.cancel()
        if failure is not None:
            await caller.fail(failure)


def told(error: UpstreamError) -> UpstreamError:
    """Return what a client is told: what an upstream says of a request, in its status and words.

    What it says of the gateway's credential is for the operator.
    """
    if not isinstance(error, UpstreamRefused):
        return error
    if is_our_trouble(error):
        return UpstreamError(
            "The upstream does not accept the gateway's credential.",
            status=500,
            code="upstream_auth_error",
            should_retry=False,
        )
    error.status = error.upstream_status
    if error.retry_after is not None:
        shortest, longest = _PAUSES
        error.retry_after = min(max(error.retry_after, shortest), longest)
    return error
