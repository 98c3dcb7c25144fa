"""The client's side of a chat call: one that waits for the whole answer, one that reads along."""

from __future__ import annotations

from isthmus.call import Outcome, Usage, plus
from isthmus.errors import GatewayError, UpstreamBroken, UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.serving import remarks as remarks_out
from isthmus.serving.arrived import Arrived
from isthmus.serving.attempting import Prepared
from isthmus.serving.chat_call import ChatCall
from isthmus.serving.heartbeat import KEEP_ALIVE
from isthmus.serving.relay import Whole
from isthmus.serving.reply import Reply
from isthmus.translate.chat_over_messages.response import response
from isthmus.translate.chat_over_messages.stream import ChatStream, Splice
from isthmus.translate.to_messages.form import PLAIN, AnswerForm
from isthmus.translate.to_messages.thinking import thoughts_dropped
from isthmus.wire import json, sse
from isthmus.wire.chat import errors as chat_errors
from isthmus.wire.chat.documents import Completion
from isthmus.wire.messages.documents import Block, Message
from isthmus.wire.messages.events import TextRun, is_content
from isthmus.wire.messages.fold import Fold
from isthmus.wire.messages.reading import EventReader
from isthmus.wire.messages.usage import usage_of

_DONE = sse.data_frame(b"[DONE]")


class WholeChat:
    """A client that waits for the whole answer, however the upstream gives it."""

    committed = False
    reads_lazily = True

    def __init__(self, call: ChatCall, reply: Reply, outcome: Outcome) -> None:
        self.call = call
        self.patience = call.wishes.patience
        self._spent: Usage | None = None
        self.following: Prepared | None = None
        self._reply = reply
        self._outcome = outcome
        self._fold: Fold | None = None
        self._first_id: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the upstream's answer has ended."""
        return self._fold is not None and self._fold.complete

    def blocked(self) -> bool:
        """Say whether the client takes nothing at the moment: nothing is sent before the end."""
        return False

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route; what an earlier attempt brought is void."""
        self._fold = None
        self._first_id = None
        self._spent = None
        self._outcome.usage = None
        return self.call.prepare(route, stream=False)

    def repaired(self, error: UpstreamRefused) -> Prepared | None:
        """Return the request as it may be taken after such a refusal."""
        return self.call.repaired(error)

    async def take(self, arrived: list[Arrived], _reader: EventReader) -> None:
        """Fold events; nothing goes out before the answer is complete."""
        fold = self._fold = self._fold or Fold()
        for event in arrived:
            if isinstance(event, TextRun):
                fold.literals(event.block, event.kind).extend(event.literals)
            else:
                fold.feed(event)

    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came."""
        spent, self._spent = self._spent, None
        return self._fold.meter.usage if spent is None and self._fold is not None else spent

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        if self._fold is not None:
            self._spent = self._fold.meter.usage
            self._outcome.usage = plus(self._outcome.usage, self._spent)
            self._fold = None

    async def end(self) -> None:
        """Answer with what the events add up to."""
        fold = self._fold or Fold()
        fold.close()
        if not fold.complete:
            raise _incomplete()
        message = fold.message
        self.note_usage()
        await self._answered(message, fold.verbatim)

    async def take_whole(self, whole: Whole) -> None:
        """Take an answer that was not streamed."""
        message = whole.message
        self._spent = usage_of(message)
        self._outcome.usage = plus(self._outcome.usage, self._spent)
        await self._answered(message, message.get("content") or [])

    async def _answered(self, message: Message, verbatim: list[Block]) -> None:
        """Translate and send the answer, or go on with the turn."""
        self._first_id = self._first_id or message.get("id")
        self.following = self.call.follow(message, verbatim)
        if self.following is None:
            await self._finish(message)

    async def _finish(self, message: Message) -> None:
        whole = self.call.turn.whole(message)
        if self._first_id is not None:
            whole["id"] = self._first_id
        completion = response(
            whole,
            model=self.call.facts.model,
            created=self.call.created,
            form=self.call.form,
            usage=self._outcome.usage,
        )
        self.call.note_text(completion["choices"][0]["message"]["content"] or "")
        self.call.note_dropped(thoughts_dropped(message))
        self.call.complete_headers(self._reply, self._outcome, self._first_id)
        self.call.remember(completion)
        await self._reply.whole(200, completion)


class StreamedChat:
    """A client that reads events as they come."""

    reads_lazily = False

    def __init__(self, call: ChatCall, reply: Reply, outcome: Outcome) -> None:
        self.call = call
        self.patience = call.wishes.patience
        self.committed = False
        self.following: Prepared | None = None
        self._reply = reply
        self._outcome = outcome
        self._held: list[bytes] = []
        self._stream = self._new_stream(PLAIN)
        self._spent: Usage | None = None
        #: How text deltas are framed at the moment.
        self._splice: Splice | None = None
        self._parts: tuple[bytes, ...] = ()
        #: What the events add up to: a paused turn goes back as it is.
        self._fold = Fold()

    @property
    def complete(self) -> bool:
        """Whether the upstream's answer has ended."""
        return self._stream.complete

    def blocked(self) -> bool:
        """Say whether the client takes nothing at the moment."""
        return self._reply.blocked

    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came."""
        spent, self._spent = self._spent, None
        return self._fold.meter.usage if spent is None else spent

    def prepare(self, route: Route) -> Prepared:
        """Translate for a route; what an earlier attempt brought was never sent and is void."""
        prepared = self.call.prepare(route, stream=True)
        self._forget()
        return prepared

    def repaired(self, error: UpstreamRefused) -> Prepared | None:
        """Return the request as it may be taken after such a refusal."""
        prepared = self.call.repaired(error)
        if prepared is not None:
            self._forget()
        return prepared

    def _forget(self) -> None:
        self._held.clear()
        self._stream = self._new_stream(self.call.form)
        self._fold = Fold()

    async def take(self, arrived: list[Arrived], _reader: EventReader) -> None:
        """Send what the events become, once the first content has come."""
        frames = self._held if not self.committed else []
        for event in arrived:
            if isinstance(event, TextRun):
                self._fold.literals(event.block, event.kind).extend(event.literals)
                self._tell_run(event, frames)
            else:
                if event["type"] == "ping":
                    frames.append(KEEP_ALIVE)
                chunks = self._stream.feed(event)
                self._fold.feed(event)
                frames += [sse.data_frame(json.encode(chunk)) for chunk in chunks]
        if self.committed:
            if frames:
                await self._reply.events(b"".join(frames))
        elif any(is_content(event) for event in arrived):
            await self._commit()

    def _tell_run(self, run: TextRun, frames: list[bytes]) -> None:
        """Translate deltas: the first in full, where that tells how the others are framed."""
        stream, literals = self._stream, run.literals
        splice = stream.splice
        if splice is None or splice.block != run.block or splice.kind != run.kind:
            first, *others = run.events
            frames += [sse.data_frame(json.encode(chunk)) for chunk in stream.feed(first)]
            splice, literals = stream.splice, literals[1:]
            if splice is None or splice.block != run.block or splice.kind != run.kind:
                told = [chunk for event in others for chunk in stream.feed(event)]
                frames += [sse.data_frame(json.encode(chunk)) for chunk in told]
                return
        if splice is not self._splice:
            self._splice = splice
            first_part, *middle, last_part = splice.parts
            self._parts = (b"data: " + first_part, *middle, last_part + b"\n\n")
        parts = self._parts
        frames += [literal.join(parts) for literal in literals]

    def note_usage(self) -> None:
        """Tell the outcome what was used so far."""
        self._outcome.usage = self._stream.usage

    async def end(self) -> None:
        """Send what is left and terminate the stream, or go on with the turn."""
        self._stream.close()
        if not self._stream.complete:
            raise _incomplete()
        self._fold.close()
        message = self._fold.message
        self.following = self.call.follow(message, self._fold.verbatim)
        if self.following is not None:
            self._stream.go_on()
            self._spent = self._fold.meter.usage
            self._fold = Fold()
            return
        self._outcome.usage = self._stream.usage
        last = [sse.data_frame(json.encode(chunk)) for chunk in self._stream.finish()]
        self.call.note_text(self._stream.unfenced)
        if self.call.worth_remembering:
            self.call.remember(self._whole(message))
        await self._reply.finish_events(b"".join([*last, self._closing_comment(), _DONE]))

    def _whole(self, message: Message) -> Completion:
        return response(
            self.call.turn.whole(message),
            model=self.call.facts.model,
            created=self.call.created,
            form=self.call.form,
        )

    async def take_whole(self, _whole: Whole) -> None:
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
        self.call.note_dropped(self._stream.thoughts_dropped)
        if not self._reply.started:
            self.call.complete_headers(self._reply, self._outcome, self._stream.message_id)
            await self._reply.start_events()
        frames, self._held = b"".join(self._held), []
        await self._reply.events(frames)

    def _closing_comment(self) -> bytes:
        """Say in a comment what came too late for the headers."""
        said = {
            "model": self.call.planned.model,
            "upstream": self._outcome.attempts[-1].upstream,
            "attempts": len(self._outcome.attempts),
            "warnings": remarks_out.documents(self.call.remarks),
        }
        if self.call.explained:
            said["explain"] = self.call.explained
        return sse.comment(f"isthmus {json.encode_text(said)}")

    def _new_stream(self, form: AnswerForm) -> ChatStream:
        options = self.call.document.get("stream_options") or {}
        return ChatStream(
            model=self.call.facts.model,
            created=self.call.created,
            include_usage=bool(options.get("include_usage")),
            form=form,
        )


def _incomplete() -> UpstreamBroken:
    return UpstreamBroken("The upstream ended its stream before the answer was complete.")
