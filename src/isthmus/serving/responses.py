"""``POST /v1/responses``: the door of OpenAI's newer SDKs and of Codex."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from isthmus.access.principal import Principal
from isthmus.call import Outcome
from isthmus.errors import InvalidRequest, UpstreamError
from isthmus.routing.affinity import in_order
from isthmus.routing.plan import Plan, Route
from isthmus.routing.router import Router
from isthmus.serving.conversation import named, session_of
from isthmus.serving.exchange import Exchange
from isthmus.serving.gate import Demand, Gate, Visit, least, longest
from isthmus.serving.heartbeat import KEEP_ALIVE
from isthmus.serving.model_call import Allowed, ModelSettings, announce, tell_attempts
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.responses_call import ResponsesCall
from isthmus.serving.responses_callers import CountedInput, StreamedResponse, WholeResponse
from isthmus.serving.stored import Custody, Memory
from isthmus.serving.streaming import Voice, streamed
from isthmus.serving.telling import told_openai
from isthmus.serving.wishes import wishes
from isthmus.wire import json
from isthmus.wire.responses.documents import ResponsesRequest
from isthmus.wire.responses.shape import checked

_VOICE = Voice(told_openai, KEEP_ALIVE)


class Responses:
    """The endpoint. ``clock`` returns Unix seconds."""

    def __init__(
        self,
        *,
        gate: Gate,
        router: Router,
        exchange: Exchange,
        settings: ModelSettings,
        clock: Callable[[], float],
        custody: Custody,
    ) -> None:
        self._gate = gate
        self._router = router
        self._exchange = exchange
        self._settings = settings
        self._clock = clock
        self._custody = custody

    async def create(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Serve one call. The key is looked at before the body is read."""
        visit = await self._gate.enter(request, reply, outcome)
        try:
            await self._serve(visit, request, reply, outcome)
        except UpstreamError as error:
            tell_attempts(reply, outcome)
            raise told_openai(error) from None
        finally:
            visit.leave()

    async def input_tokens(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Have the tokens counted that an input would take, by those who can."""
        visit = await self._gate.enter(request, reply, outcome)
        try:
            call = await self._call(visit, request, reply, outcome, generates=False)
            turns = in_turn(call.planned.plan, visit.principal, request.headers, call.document)
            routes = [route for route in turns if route.chat is None]
            if not routes:
                raise InvalidRequest(
                    "The upstream of this model counts no tokens.", status=404, code="not_found"
                )
            await self._exchange.run(routes, CountedInput(call, reply, outcome), outcome)
        except UpstreamError as error:
            tell_attempts(reply, outcome)
            raise told_openai(error) from None
        finally:
            visit.leave()

    async def _serve(self, visit: Visit, request: Request, reply: Reply, outcome: Outcome) -> None:
        call = await self._call(visit, request, reply, outcome)
        routes = in_turn(call.planned.plan, visit.principal, request.headers, call.document)
        if call.stream:
            caller = StreamedResponse(call, reply, outcome)
            await streamed(self._exchange, routes, caller, reply, outcome, _VOICE)
            return
        caller = WholeResponse(call, reply, outcome)
        try:
            await self._exchange.run(routes, caller, outcome)
        finally:
            caller.note_usage()

    async def _call(
        self,
        visit: Visit,
        request: Request,
        reply: Reply,
        outcome: Outcome,
        *,
        generates: bool = True,
    ) -> ResponsesCall:
        """Read the request, and find who may answer it."""
        body = await request.body()
        document = parsed(body)
        planned = self._router.plan(document["model"])
        memory = Memory(self._custody, visit.principal, document)
        outcome.model, outcome.asked = planned.model, planned.requested
        announce(planned, reply)
        whole, cap = memory.expanded(document), None
        if visit.bound:
            earlier = 0 if memory.previous is None else len(json.encode(whole)) - len(body)
            asked = Demand(
                planned=planned,
                body=body + b" " * earlier,
                max_tokens=least(document.get("max_output_tokens")),
                default=self._settings.terms.default_max_tokens or longest(planned),
                generates=generates,
            )
            cap = await visit.admit(asked)
        if cap is not None:
            whole["max_output_tokens"] = cap
        call = ResponsesCall(
            whole,
            planned,
            wishes=wishes(request.headers, stream=bool(document.get("stream"))),
            created=int(self._clock()),
            settings=self._settings,
            memory=memory,
        )
        call.allowed = None if cap is None else Allowed("max_output_tokens", cap)
        return call


def parsed(body: bytes) -> ResponsesRequest:
    """Read a request.

    Raises:
        InvalidRequest: it is not JSON, or does not have the shape of a request.
    """
    try:
        document: object = json.decode(body)
    except json.MalformedJSON as error:
        raise InvalidRequest(
            f"The request body is not valid JSON: {error}.", code="invalid_json"
        ) from None
    return checked(document)


def in_turn(
    plan: Plan, principal: Principal, headers: Mapping[str, str], document: ResponsesRequest
) -> Sequence[Route]:
    """Return the routes in the order in which this conversation tries them."""
    if not plan.varies:
        return plan.routes
    session = session_of(headers) or document.get("prompt_cache_key")
    return in_order(plan, named(principal.id, session, _opening(document)), None)


def _opening(document: ResponsesRequest) -> list[str]:
    """Return the texts a conversation opens with: the instructions, and what came first."""
    asked: object = document.get("input")
    first = asked[:1] if isinstance(asked, str | list) else asked
    opening = asked if isinstance(asked, str) else json.encode_text(first)
    return [document.get("instructions") or "", opening]
