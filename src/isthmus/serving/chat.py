"""``POST /v1/chat/completions``: the door every OpenAI SDK knocks at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from msgspec import Struct

from isthmus.access.keys import KeyRing
from isthmus.call import Facts, Outcome
from isthmus.errors import GatewayError, InvalidRequest, UpstreamBroken, UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned, Router
from isthmus.serving import remarks as remarks_out
from isthmus.serving.exchange import Exchange, Prepared
from isthmus.serving.heartbeat import KEEP_ALIVE, beat
from isthmus.serving.lifecycle import day_of, told
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.translate.chat_over_messages.applied import Applied, applied
from isthmus.translate.chat_over_messages.failure import tell
from isthmus.translate.chat_over_messages.request import Translated, translate
from isthmus.translate.chat_over_messages.response import response
from isthmus.translate.chat_over_messages.stream import ChatStream
from isthmus.translate.remarks import Remarks
from isthmus.upstreams.upstream import MessagesCall
from isthmus.wire import json, sse
from isthmus.wire.chat import errors as chat_errors
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.chat.shape import checked
from isthmus.wire.messages.documents import Event, Message
from isthmus.wire.messages.events import TextDelta, is_content
from isthmus.wire.messages.fold import Fold

_DONE = sse.data_frame(b"[DONE]")


class ChatSettings(Struct, frozen=True, kw_only=True):
    """How chat requests are translated. None as ``default_max_tokens`` means the model's most.

    An answer that cannot be longer than ``unary_max_tokens`` is asked for in one piece.
    """

    default_max_tokens: int | None = None
    unary_max_tokens: int = 4096


class ChatCompletions:
    """The endpoint. ``clock`` returns Unix seconds."""

    def __init__(
        self,
        *,
        keys: KeyRing,
        router: Router,
        exchange: Exchange,
        settings: ChatSettings,
        clock: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._router = router
        self._exchange = exchange
        self._settings = settings
        self._clock = clock

    async def complete(self, request: Request, reply: Reply, outcome: Outcome) -> None:
        """Serve one call. The key is looked at before the body is read."""
        principal = self._keys.authenticate(
            request.headers.get("authorization"), request.headers.get("x-api-key")
        )
        outcome.principal = principal.id
        document = parsed(await request.body())
        call = ChatCall(
            document,
            self._router.plan(document.get("model", "")),
            strict=request.headers.get("x-isthmus-strict") == "1",
            created=int(self._clock()),
            settings=self._settings,
            explains=request.headers.get(remarks_out.EXPLAIN) == "1",
        )
        outcome.model = call.planned.model
        call.announce(reply)
        if call.facts.stream:
            await self._stream(StreamedChat(call, reply, outcome), reply, outcome)
        else:
            await self._answer(WholeChat(call, reply, outcome), outcome)

    async def _answer(self, caller: WholeChat, outcome: Outcome) -> None:
        try:
            await self._exchange.run(caller.call.planned.plan, caller, outcome)
        except UpstreamRefused as error:
            raise tell(error) from None
        finally:
            caller.note_usage()

    async def _stream(self, caller: StreamedChat, reply: Reply, outcome: Outcome) -> None:
        failure: GatewayError | None = None
        async with asyncio.TaskGroup() as group:
            heart = group.create_task(beat(reply))
            try:
                await self._exchange.run(caller.call.planned.plan, caller, outcome)
            except GatewayError as error:
                failure = tell(error) if isinstance(error, UpstreamRefused) else error
            finally:
                caller.note_usage()
                heart.cancel()
        if failure is not None:
            await caller.fail(failure)


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


class ChatCall:
    """What both kinds of chat callers share: the request, its translation and its remarks.

    ``created`` is in Unix seconds. ``explains``: the client wants to know which rules applied;
    ``explained`` is then what to tell it of the last attempt.
    """

    def __init__(
        self,
        document: ChatRequest,
        planned: Planned,
        *,
        strict: bool,
        created: int,
        settings: ChatSettings,
        explains: bool = False,
    ) -> None:
        if planned.thinking_suffix and not document.get("thinking"):
            document = {**document, "thinking": {"type": "adaptive"}}
        self.document = document
        self.planned = planned
        self.created = created
        self.facts = Facts(model=document.get("model", ""), stream=bool(document.get("stream")))
        self.remarks = Remarks(strict=strict)
        self._strict = strict
        self._settings = settings
        self._explains = explains
        self.explained = ""

    def announce(self, reply: Reply) -> None:
        """Say which model serves the call, in the headers."""
        reply.headers["x-isthmus-model"] = self.planned.model
        if self.planned.substituted:
            reply.headers["x-isthmus-model-substituted"] = self.planned.model

    def translated(self, route: Route) -> Translated:
        """Translate for a route's model; remarks of an earlier attempt are forgotten."""
        self.remarks = Remarks(strict=self._strict)
        if self.planned.substituted:
            self.remarks.note("model.substituted", "model", f"served by {self.planned.model}")
        if route.deprecation is not None:
            text = told(route.deprecation, day_of(self.created))
            self.remarks.note("model.deprecated", "model", text)
        translated = translate(
            self.document,
            route.model,
            route.capabilities,
            default_max_tokens=self._settings.default_max_tokens,
            remarks=self.remarks,
        )
        if self._explains:
            self.explained = remarks_out.explained(self.applied(translated))
        return translated

    def applied(self, translated: Translated) -> list[Applied]:
        """List what became of the request's fields."""
        return applied(
            self.document,
            translated.document,
            self.remarks,
            renamed=self.planned.requested != self.planned.model and not self.planned.substituted,
        )

    def prepared(self, translated: Translated, *, stream: bool) -> Prepared:
        """Write the request down for the upstream."""
        document = translated.document
        if stream:
            document["stream"] = True
        return Prepared(
            call=MessagesCall(body=json.encode(document), version=translated.version),
            stream=stream,
            slow_start=translated.slow_start,
        )

    def streams(self, translated: Translated) -> bool:
        """Say whether the upstream is to stream, for this client or to be put together here."""
        return self.facts.stream or not self._goes_unary(translated)

    def _goes_unary(self, translated: Translated) -> bool:
        """Say whether the answer is short enough to be asked for in one piece."""
        document = translated.document
        thinks = document.get("thinking", {}).get("type", "disabled") != "disabled"
        formatted = "format" in document.get("output_config", {})
        short = document.get("max_tokens", 0) <= self._settings.unary_max_tokens
        return short and not thinks and not formatted

    def complete_headers(self, reply: Reply, outcome: Outcome, message_id: str | None) -> None:
        """Add what is known once an upstream has answered."""
        attempt = outcome.attempts[-1]
        reply.headers["x-isthmus-upstream"] = attempt.upstream
        reply.headers["x-isthmus-attempts"] = str(len(outcome.attempts))
        if message_id:
            reply.headers["x-isthmus-upstream-id"] = message_id
        if attempt.request_id:
            reply.headers["x-isthmus-upstream-request-id"] = attempt.request_id
        if len(self.remarks):
            reply.headers[remarks_out.WARNINGS] = remarks_out.header(self.remarks)
        if self.explained:
            reply.headers[remarks_out.EXPLAIN] = self.explained


class WholeChat:
    """A client that waits for the whole answer, however the upstream gives it."""

    committed = False
    reads_lazily = True

    def __init__(self, call: ChatCall, reply: Reply, outcome: Outcome) -> None:
        self.call = call
        self._reply = reply
        self._outcome = outcome
        self._fold = Fold()
        self._hide_thinking = False

    @property
    def complete(self) -> bool:
        """Whether the answer has ended."""
        return self._fold.complete

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route's model; what an earlier attempt brought is void."""
        translated = self.call.translated(route)
        self._fold = Fold()
        self._hide_thinking = translated.hide_thinking
        return self.call.prepared(translated, stream=self.call.streams(translated))

    async def take(self, arrived: list[Event | TextDelta]) -> None:
        """Fold events; nothing goes out before the answer is complete."""
        for event in arrived:
            self._fold.feed(event.event if isinstance(event, TextDelta) else event)

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        self._outcome.usage = self._fold.meter.usage

    async def end(self) -> None:
        """Answer with what the events add up to."""
        self._fold.close()
        if not self._fold.complete:
            raise _incomplete()
        await self.take_whole(self._fold.message)

    async def take_whole(self, message: Message) -> None:
        """Translate and send the answer."""
        self._fold.meter.take(message.get("usage"))
        completion = response(
            message,
            model=self.call.facts.model,
            created=self.call.created,
            hide_thinking=self._hide_thinking,
            usage=self._fold.meter.usage,
        )
        self.call.complete_headers(self._reply, self._outcome, message.get("id"))
        await self._reply.whole(200, completion)


class StreamedChat:
    """A client that reads events as they come."""

    reads_lazily = False

    def __init__(self, call: ChatCall, reply: Reply, outcome: Outcome) -> None:
        self.call = call
        self.committed = False
        self._reply = reply
        self._outcome = outcome
        self._held: list[bytes] = []
        self._stream = self._new_stream(hide_thinking=False)

    @property
    def complete(self) -> bool:
        """Whether the answer has ended."""
        return self._stream.complete

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route's model; what an earlier attempt brought is unsent and void."""
        translated = self.call.translated(route)
        self._held.clear()
        self._stream = self._new_stream(hide_thinking=translated.hide_thinking)
        return self.call.prepared(translated, stream=True)

    async def take(self, arrived: list[Event | TextDelta]) -> None:
        """Send what the events become, once the first content has come."""
        frames = self._held if not self.committed else []
        stream = self._stream
        block, prefix, suffix = _spliced(stream)
        for event in arrived:
            if isinstance(event, TextDelta):
                if event.block == block:
                    frames.append(prefix + event.literal + suffix)
                    continue
                chunks = stream.feed(event.event)
            else:
                if event["type"] == "ping":
                    frames.append(KEEP_ALIVE)
                chunks = stream.feed(event)
            frames += [sse.data_frame(json.encode(chunk)) for chunk in chunks]
            block, prefix, suffix = _spliced(stream)
        if self.committed:
            if frames:
                await self._reply.events(b"".join(frames))
        elif any(is_content(event) for event in arrived):
            await self._commit()

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        self._outcome.usage = self._stream.usage

    async def end(self) -> None:
        """Send what is left and terminate the stream."""
        last = [sse.data_frame(json.encode(chunk)) for chunk in self._stream.close()]
        if not self._stream.complete:
            raise _incomplete()
        await self._reply.finish_events(b"".join([*last, self._closing_comment(), _DONE]))

    async def take_whole(self, message: Message) -> None:
        """Never called: a streaming client always gets a streaming upstream."""
        raise UpstreamBroken("The upstream did not stream.")

    async def fail(self, error: GatewayError) -> None:
        """Tell the client that the answer is not complete, and make sure that it notices."""
        if not self._reply.started:
            raise error
        document = json.encode(chat_errors.document(error))
        await self._reply.events(self._closing_comment() + sse.data_frame(document))
        self._reply.break_off()

    async def _commit(self) -> None:
        """Let the head go, and all that was held back."""
        self.committed = True
        if not self._reply.started:
            self.call.complete_headers(self._reply, self._outcome, self._stream.message_id)
            await self._reply.start_events()
        frames, self._held = b"".join(self._held), []
        await self._reply.events(frames)

    def _closing_comment(self) -> bytes:
        """Say in a comment what came too late for the headers."""
        said: dict[str, object] = {
            "model": self.call.planned.model,
            "upstream": self._outcome.attempts[-1].upstream,
            "attempts": len(self._outcome.attempts),
            "warnings": remarks_out.documents(self.call.remarks),
        }
        if self.call.explained:
            said["explain"] = self.call.explained
        return sse.comment(f"isthmus {json.encode_text(said)}")

    def _new_stream(self, *, hide_thinking: bool) -> ChatStream:
        options = self.call.document.get("stream_options") or {}
        return ChatStream(
            model=self.call.facts.model,
            created=self.call.created,
            include_usage=bool(options.get("include_usage")),
            hide_thinking=hide_thinking,
        )


def _spliced(stream: ChatStream) -> tuple[int, bytes, bytes]:
    """Return how the stream's text deltas are framed now, and of which block; -1: of none."""
    splice = stream.splice
    if splice is None:
        return -1, b"", b""
    return splice.block, b"data: " + splice.prefix, splice.suffix + b"\n\n"


def _incomplete() -> UpstreamBroken:
    return UpstreamBroken("The upstream ended its stream before the answer was complete.")
