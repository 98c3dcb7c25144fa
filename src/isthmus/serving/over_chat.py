"""Messages requests to upstreams that speak Chat Completions, and what they answer.

The answer arrives as Messages events, whoever asked: the doors need not know who stands behind.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal, cast

from msgspec import Struct

from isthmus.errors import UpstreamError, UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.serving.answers import Whole, not_a
from isthmus.serving.attempting import Prepared
from isthmus.translate.messages_over_chat.form import AnswerForm
from isthmus.translate.messages_over_chat.request import Terms, streaming, translate
from isthmus.translate.messages_over_chat.response import response
from isthmus.translate.messages_over_chat.stream import MessagesStream
from isthmus.translate.remarks import Remarks
from isthmus.upstreams import failures
from isthmus.upstreams.openai_compatible import PATH
from isthmus.upstreams.upstream import UpstreamCall
from isthmus.wire import json, sse
from isthmus.wire.chat import events as chat_events
from isthmus.wire.chat.reported import refusal
from isthmus.wire.messages.documents import SAMPLING_VERSION, AskedRequest, Event
from isthmus.wire.messages.events import framed

#: A body of so many bytes is a very long prompt, which takes its time to be read.
_LONG_PROMPT = 1024 * 1024


class Asking(Struct, frozen=True, kw_only=True):
    """Who asks: the name they use for the model, and what their surroundings decide.

    ``request_id`` names an answer that has no id of its own. Of ``keys`` the first signs thinking,
    all of them verify it. ``unsaid`` is what silence about thinking means. ``hops`` counts the
    gateways on the way, this one included.
    """

    model: str
    request_id: str
    keys: tuple[bytes, ...]
    version: str = SAMPLING_VERSION
    unsaid: Literal["none", "as it does"] = "none"
    hops: int = 1


def prepared(
    document: AskedRequest, route: Route, asking: Asking, remarks: Remarks, *, stream: bool
) -> Prepared:
    """Translate a Messages request for a route whose upstream speaks Chat Completions.

    Raises:
        InvalidRequest: what cannot be served there.
    """
    if route.chat is None:
        raise ValueError(f"{route.upstream} speaks Messages")
    translated = translate(
        document,
        route.model,
        route.chat,
        remarks=remarks,
        terms=Terms(
            version=asking.version,
            vendor=route.upstream,
            keys=asking.keys,
            unsaid=asking.unsaid,
        ),
    )
    sent = streaming(translated.document) if stream else translated.document
    body = json.encode(sent)
    return Prepared(
        call=UpstreamCall(body=body, path=PATH, hops=asking.hops),
        stream=stream,
        slow_start="response_format" in sent or len(body) > _LONG_PROMPT,
        answer=ChatAnswer(translated.form, asking),
    )


class ChatAnswer:
    """An answer of Chat Completions, told as a message."""

    def __init__(self, form: AnswerForm, asking: Asking) -> None:
        self._form = form
        self._asking = asking

    def reader(self) -> ChatReader:
        """Return what reads it as a stream."""
        asking = self._asking
        return ChatReader(
            MessagesStream(model=asking.model, request_id=asking.request_id, form=self._form)
        )

    def whole(self, document: object, _body: bytes) -> Whole:
        """Take it in one piece."""
        if not isinstance(document, dict):
            raise not_a("completion")
        completion = cast("dict[str, Any]", document)
        if completion.get("error"):
            raise refusal(completion)
        asking = self._asking
        message = response(
            completion, model=asking.model, request_id=asking.request_id, form=self._form
        )
        return Whole(message, json.encode(message))

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
        """Read what came in its place."""
        return failures.chat_refused(status, headers, body, time.time())


class ChatReader:
    """Reads a chat stream as Messages events; see `serving.answers.Reader`."""

    def __init__(self, stream: MessagesStream) -> None:
        self.failure: UpstreamError | None = None
        self._stream = stream
        self._decoder = sse.Decoder()
        self._events: list[Event] = []

    @property
    def frames(self) -> bytes:
        """The bytes of the events returned last."""
        return b"".join(map(framed, self._events))

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes; return the events they cause."""
        self._events = []
        try:
            for frame in self._decoder.feed(chunk):
                self._events += self._stream.feed(chat_events.decode(frame))
                if self._stream.complete:
                    self._events += self._stream.finish()
                    break
        except UpstreamError as error:
            self.failure = error
        return self._events

    def close(self) -> list[Event]:
        """Take the end of the input; what ends a message follows where the answer was whole."""
        self._events = []
        was_complete = self._stream.complete
        try:
            self._stream.close()
            if self._stream.complete and not was_complete:
                self._events = self._stream.finish()
        except UpstreamError as error:
            self.failure = error
        return self._events
