"""``POST /v1/chat/completions``: the door every OpenAI SDK knocks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from isthmus.access.principal import Principal
from isthmus.call import Outcome
from isthmus.errors import InvalidRequest, UpstreamError
from isthmus.routing.affinity import in_order
from isthmus.routing.plan import Plan, Route
from isthmus.routing.router import Planned, Router
from isthmus.serving.chat_call import ChatCall
from isthmus.serving.chat_callers import StreamedChat, WholeChat
from isthmus.serving.chat_passing import PassedChat, StreamedPassedChat, WholePassedChat
from isthmus.serving.conversation import conversation, messages_in
from isthmus.serving.either import Answered, Either, EitherStream
from isthmus.serving.exchange import Exchange
from isthmus.serving.gate import Demand, Gate, Visit, least, longest
from isthmus.serving.heartbeat import KEEP_ALIVE
from isthmus.serving.model_call import Allowed, ModelSettings, announce, tell_attempts, word_for
from isthmus.serving.recollection import Recollection
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.streaming import Streamed, Voice, streamed
from isthmus.serving.telling import told_openai
from isthmus.serving.wishes import wishes
from isthmus.storage.stash import Stash
from isthmus.translate.chat_over_messages.legacy import is_legacy
from isthmus.translate.chat_over_messages.reasoning import account_of
from isthmus.wire import json
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.chat.passed import PassedRequest
from isthmus.wire.chat.shape import checked

_VOICE = Voice(told_openai, KEEP_ALIVE)


class ChatCompletions:
    """The endpoint. ``clock`` returns Unix seconds; without a ``stash`` nothing is remembered."""

    def __init__(
        self,
        *,
        gate: Gate,
        router: Router,
        exchange: Exchange,
        settings: ModelSettings,
        clock: Callable[[], float],
        stash: Stash | None,
    ) -> None:
        self._gate = gate
        self._stash = stash
        self._router = router
        self._exchange = exchange
        self._settings = settings
        self._clock = clock

    async def complete(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Serve one call. The key is looked at before the body is read."""
        visit = await self._gate.enter(request, reply, outcome)
        try:
            await self._serve(visit, request, reply, outcome)
        finally:
            visit.leave()

    async def _serve(self, visit: Visit, request: Request, reply: Reply, outcome: Outcome) -> None:
        body = await request.body()
        document = decoded(body)
        planned = self._router.plan(model_of(document))
        outcome.model, outcome.asked = planned.model, planned.requested
        announce(planned, reply)
        cap = await visit.admit(self._demand(planned, body, document)) if visit.bound else None
        call = self._call(_Asked(visit.principal, request, body, document, planned, cap))
        routes = in_turn(planned.plan, visit.principal, request.headers, document)
        try:
            if _first(call).stream:
                caller = _reading_along(call, reply, outcome)
                await streamed(self._exchange, routes, caller, reply, outcome, _VOICE)
            else:
                await self._answer(routes, _waiting(call, reply, outcome), outcome)
        except UpstreamError as error:
            tell_attempts(reply, outcome)
            raise told_openai(error) from None

    def _demand(self, planned: Planned, body: bytes, document: dict[str, Any]) -> Demand:
        """Say what a request asks for, whose shape nobody has looked at yet."""
        return Demand(
            planned=planned,
            body=body,
            max_tokens=least(document.get("max_completion_tokens"), document.get("max_tokens")),
            default=self._settings.terms.default_max_tokens or longest(planned),
            choices=least(document.get("n")) or 1,
        )

    def _call(self, asked: _Asked) -> Call:
        """Read the request as its routes demand.

        Raises:
            InvalidRequest: it does not have the shape of a request.
        """
        planned, cap = asked.planned, asked.cap
        stream = bool(asked.document.get("stream"))
        wanted = wishes(asked.request.headers, stream=stream)
        if planned.plan.chat == "all":
            return PassedChat(PassedRequest(asked.body), planned, wanted, cap)
        document = checked(asked.document)
        if cap is not None:
            document = _limited(document, cap)
        translated = ChatCall(
            document,
            planned,
            wishes=wanted,
            created=int(self._clock()),
            settings=self._settings,
            recollection=self._recollection(asked.principal, document),
        )
        translated.allowed = None if cap is None else Allowed("max_tokens", cap)
        if planned.plan.chat == "none":
            return translated
        return translated, PassedChat(PassedRequest(asked.body), planned, wanted, cap)

    def _recollection(self, principal: Principal, document: ChatRequest) -> Recollection | None:
        # The calls of old clients have no ids, by which an answer could be told from another.
        if self._stash is None or is_legacy(document):
            return None
        return Recollection(self._stash, principal.id, document["messages"])

    async def _answer(self, routes: Sequence[Route], caller: Answered, outcome: Outcome) -> None:
        try:
            await self._exchange.run(routes, caller, outcome)
        finally:
            caller.note_usage()


class _Asked(NamedTuple):
    """A request on its way in."""

    principal: Principal
    request: Request
    body: bytes
    document: dict[str, Any]
    planned: Planned
    cap: int | None


#: A call that is translated, passed on, or either, as the route demands.
Call = ChatCall | PassedChat | tuple[ChatCall, PassedChat]


def _first(call: Call) -> ChatCall | PassedChat:
    return call[0] if isinstance(call, tuple) else call


def _reading_along(call: Call, reply: Reply, outcome: Outcome) -> Streamed:
    if isinstance(call, ChatCall):
        return StreamedChat(call, reply, outcome)
    if isinstance(call, PassedChat):
        return StreamedPassedChat(call, reply, outcome)
    translated, passed = call
    return EitherStream(
        StreamedChat(translated, reply, outcome), StreamedPassedChat(passed, reply, outcome)
    )


def _waiting(call: Call, reply: Reply, outcome: Outcome) -> Answered:
    if isinstance(call, ChatCall):
        return WholeChat(call, reply, outcome)
    if isinstance(call, PassedChat):
        return WholePassedChat(call, reply, outcome)
    translated, passed = call
    either: Either[Answered] = Either(
        WholeChat(translated, reply, outcome), WholePassedChat(passed, reply, outcome)
    )
    return either


def in_turn(
    plan: Plan, principal: Principal, headers: Mapping[str, str], document: Mapping[str, Any]
) -> Sequence[Route]:
    """Return the routes in the order in which this conversation tries them."""
    if not plan.varies:
        return plan.routes
    tag = account_of(messages_in(document))
    accounts = (route.account for route in plan.routes)
    account = next((name for name in accounts if word_for(name) == tag), None) if tag else None
    return in_order(plan, conversation(principal.id, headers, document), account)


def _limited(document: ChatRequest, cap: int) -> ChatRequest:
    """Return a request whose answer is limited to so many tokens."""
    limited = {**document, "max_completion_tokens": cap}
    limited.pop("max_tokens", None)
    return cast("ChatRequest", limited)


def decoded(body: bytes) -> dict[str, Any]:
    """Read the body of a request.

    Raises:
        InvalidRequest: it is not JSON, or no object.
    """
    try:
        document: object = json.decode(body)
    except json.MalformedJSON as error:
        raise InvalidRequest(
            f"The request body is not valid JSON: {error}.", code="invalid_json"
        ) from None
    if not isinstance(document, dict):
        checked(document)
    return cast("dict[str, Any]", document)


def model_of(document: dict[str, Any]) -> str:
    """Return the model that a request names.

    Raises:
        InvalidRequest: it names none.
    """
    model: object = document.get("model")
    if isinstance(model, str) and model:
        return model
    return checked(document)["model"]


def parsed(body: bytes, *, model: str | None = None) -> dict[str, Any]:
    """Read a request; ``model`` takes the place of the one that it names.

    Raises:
        InvalidRequest: it is not JSON, or no object.
    """
    document = decoded(body)
    return document if model is None else {**document, "model": model}
