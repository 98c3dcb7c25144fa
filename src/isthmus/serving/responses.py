"""``POST /v1/responses``: the door of OpenAI's newer SDKs and of Codex."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from isthmus.call import Outcome, Principal
from isthmus.errors import InvalidRequest, UpstreamError
from isthmus.routing.affinity import in_order
from isthmus.routing.plan import Plan, Route
from isthmus.routing.router import Router
from isthmus.serving.conversation import named, session_of
from isthmus.serving.exchange import Exchange
from isthmus.serving.gate import Gate
from isthmus.serving.heartbeat import KEEP_ALIVE
from isthmus.serving.model_call import ModelSettings, announce, tell_attempts
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
        principal = await self._gate.enter(request, outcome)
        try:
            await self._serve(principal, request, reply, outcome)
        except UpstreamError as error:
            tell_attempts(reply, outcome)
            raise told_openai(error) from None
        finally:
            self._gate.leave()

    async def input_tokens(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Have the tokens counted that an input would take, by those who can."""
        principal = await self._gate.enter(request, outcome)
        try:
            call = await self._call(principal, request, reply, outcome)
            turns = in_turn(call.planned.plan, principal, request.headers, call.document)
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
            self._gate.leave()

    async def _serve(
        self, principal: Principal, request: Request, reply: Reply, outcome: Outcome
    ) -> None:
        call = await self._call(principal, request, reply, outcome)
        routes = in_turn(call.planned.plan, principal, request.headers, call.document)
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
        self, principal: Principal, request: Request, reply: Reply, outcome: Outcome
    ) -> ResponsesCall:
        """Read the request, and find who may answer it."""
        document = parsed(await request.body())
        planned = self._router.plan(document["model"])
        memory = Memory(self._custody, principal, document)
        outcome.model, outcome.asked = planned.model, planned.requested
        announce(planned, reply)
        return ResponsesCall(
            memory.expanded(document),
            planned,
            wishes=wishes(request.headers, stream=bool(document.get("stream"))),
            created=int(self._clock()),
            settings=self._settings,
            memory=memory,
        )


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
