"""``POST /v1/chat/completions``: the door every OpenAI SDK knocks at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from isthmus.call import Outcome, Principal
from isthmus.errors import GatewayError, InvalidRequest, UpstreamError, UpstreamRefused
from isthmus.routing.affinity import in_order
from isthmus.routing.plan import Plan, Route
from isthmus.routing.router import Router
from isthmus.serving.chat_call import ChatCall
from isthmus.serving.chat_callers import StreamedChat, WholeChat
from isthmus.serving.conversation import conversation
from isthmus.serving.exchange import Exchange
from isthmus.serving.gate import Gate
from isthmus.serving.heartbeat import beat
from isthmus.serving.model_call import ModelSettings, tell_attempts, word_for
from isthmus.serving.recollection import Recollection
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.serving.wishes import wishes
from isthmus.storage.stash import Stash
from isthmus.translate.chat_over_messages.legacy import is_legacy
from isthmus.translate.chat_over_messages.reasoning import account_of
from isthmus.translate.to_messages.failure import tell
from isthmus.wire import json
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.chat.shape import checked


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
        principal = await self._gate.enter(request, outcome)
        try:
            await self._serve(principal, request, reply, outcome)
        finally:
            self._gate.leave()

    async def _serve(
        self, principal: Principal, request: Request, reply: Reply, outcome: Outcome
    ) -> None:
        document = parsed(await request.body())
        planned = self._router.plan(document["model"])
        call = ChatCall(
            document,
            planned,
            wishes=wishes(request.headers, stream=bool(document.get("stream"))),
            created=int(self._clock()),
            settings=self._settings,
            recollection=self._recollection(principal, document),
        )
        outcome.model = call.planned.model
        call.announce(reply)
        routes = in_turn(planned.plan, principal, request.headers, document)
        try:
            if call.facts.stream:
                await self._stream(routes, StreamedChat(call, reply, outcome), reply, outcome)
            else:
                await self._answer(routes, WholeChat(call, reply, outcome), outcome)
        except UpstreamError:
            tell_attempts(reply, outcome)
            raise

    def _recollection(self, principal: Principal, document: ChatRequest) -> Recollection | None:
        # The calls of old clients have no ids, by which an answer could be told from another.
        if self._stash is None or is_legacy(document):
            return None
        return Recollection(self._stash, principal.id, document["messages"])

    async def _answer(self, routes: Sequence[Route], caller: WholeChat, outcome: Outcome) -> None:
        try:
            await self._exchange.run(routes, caller, outcome)
        except UpstreamRefused as error:
            raise tell(error) from None
        finally:
            caller.note_usage()

    async def _stream(
        self, routes: Sequence[Route], caller: StreamedChat, reply: Reply, outcome: Outcome
    ) -> None:
        failure: GatewayError | None = None
        async with asyncio.TaskGroup() as group:
            heart = group.create_task(beat(reply))
            try:
                await self._exchange.run(routes, caller, outcome)
            except GatewayError as error:
                failure = tell(error) if isinstance(error, UpstreamRefused) else error
                failure = failure.kept()
            finally:
                caller.note_usage()
                heart.cancel()
        if failure is not None:
            await caller.fail(failure)


def in_turn(
    plan: Plan, principal: Principal, headers: Mapping[str, str], document: ChatRequest
) -> Sequence[Route]:
    """Return the routes in the order in which this conversation tries them."""
    if not plan.varies:
        return plan.routes
    tag = account_of(document["messages"])
    accounts = (route.account for route in plan.routes)
    account = next((name for name in accounts if word_for(name) == tag), None) if tag else None
    return in_order(plan, conversation(principal.id, headers, document), account)


def parsed(body: bytes, *, model: str | None = None) -> ChatRequest:
    """Read a request; ``model`` takes the place of the one that it names.

    Raises:
        InvalidRequest: it is not JSON, or does not have the shape of a request.
    """
    try:
        document: object = json.decode(body)
    except json.MalformedJSON as error:
        raise InvalidRequest(
            f"The request body is not valid JSON: {error}.", code="invalid_json"
        ) from None
    if model is not None and isinstance(document, dict):
        document = {**cast("dict[str, object]", document), "model": model}
    return checked(document)
