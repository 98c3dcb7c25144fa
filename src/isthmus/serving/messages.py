"""``POST /v1/messages`` and its count of tokens: the door Anthropic's SDKs and Claude Code use."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.access.principal import Principal
from isthmus.call import Outcome
from isthmus.errors import InvalidRequest, UpstreamError
from isthmus.routing.affinity import in_order
from isthmus.routing.plan import Route
from isthmus.routing.router import Router
from isthmus.serving.answers import COUNT, MESSAGE
from isthmus.serving.conversation import named, session_of
from isthmus.serving.exchange import Exchange
from isthmus.serving.gate import Demand, Gate, Visit, longest
from isthmus.serving.messages_call import PassedCall
from isthmus.serving.messages_callers import PATH, PING, StreamedMessage, WholeMessage
from isthmus.serving.model_call import tell_attempts
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.streaming import Voice, streamed
from isthmus.serving.telling import told_messages
from isthmus.serving.wishes import wishes
from isthmus.wire.messages.passed import PassedRequest

_VOICE = Voice(told_messages, PING)


class Messages:
    """The endpoints. Of ``keys`` the first signs thinking of other models than Claude."""

    def __init__(
        self, *, gate: Gate, router: Router, exchange: Exchange, keys: tuple[bytes, ...]
    ) -> None:
        self._gate = gate
        self._router = router
        self._exchange = exchange
        self._keys = keys

    async def create(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Serve one call. The key is looked at before the body is read."""
        visit = await self._gate.enter(request, reply, outcome)
        try:
            call = await self._call(visit, request, reply, outcome)
            routes = self._in_turn(call, visit.principal, request)
            if routes[0].chat is not None and await _answer_here(call, reply):
                return
            if call.document.stream:
                caller = StreamedMessage(call, reply, outcome)
                await streamed(self._exchange, routes, caller, reply, outcome, _VOICE)
            else:
                whole = WholeMessage(call, reply, outcome, path=PATH, answer=MESSAGE)
                await self._exchange.run(routes, whole, outcome)
        except UpstreamError as error:
            tell_attempts(reply, outcome)
            raise told_messages(error) from None
        finally:
            visit.leave()

    async def count_tokens(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Have the tokens of a prompt counted, by those who can."""
        visit = await self._gate.enter(request, reply, outcome)
        try:
            call = await self._call(visit, request, reply, outcome, generates=False)
            in_turn = self._in_turn(call, visit.principal, request)
            routes = [route for route in in_turn if route.chat is None]
            if not routes:
                raise InvalidRequest(
                    "The upstream of this model counts no tokens.", status=404, code="not_found"
                )
            path = f"{PATH}/count_tokens"
            whole = WholeMessage(call, reply, outcome, path=path, answer=COUNT)
            await self._exchange.run(routes, whole, outcome)
        except UpstreamError as error:
            tell_attempts(reply, outcome)
            raise told_messages(error) from None
        finally:
            visit.leave()

    async def _call(
        self,
        visit: Visit,
        request: Request,
        reply: Reply,
        outcome: Outcome,
        *,
        generates: bool = True,
    ) -> PassedCall:
        body = await request.body()
        document = PassedRequest(body)
        planned = self._router.plan(document.model)
        wanted = wishes(request.headers, stream=document.stream)
        call = PassedCall(document, request, planned, wanted, self._keys)
        outcome.model, outcome.asked = planned.model, planned.requested
        call.announce(reply)
        if visit.bound:
            asked = Demand(
                planned=planned,
                body=body,
                max_tokens=document.max_tokens,
                default=longest(planned),
                generates=generates,
            )
            call.limit(await visit.admit(asked))
        return call

    def _in_turn(self, call: PassedCall, principal: Principal, request: Request) -> Sequence[Route]:
        plan = call.planned.plan
        if not plan.varies:
            return plan.routes
        session = session_of(request.headers)
        opening = [] if session else call.document.opening
        return in_order(plan, named(principal.id, session, opening), None)


async def _answer_here(call: PassedCall, reply: Reply) -> bool:
    """Answer a request that asks a model of another vendor for nothing; say whether it was one."""
    message = call.answered_here(f"msg_{reply.request_id}")
    if message is not None:
        await reply.whole(200, message)
    return message is not None
