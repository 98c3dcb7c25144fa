"""A chat call to an upstream that speaks Chat Completions: passed on, not translated."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from isthmus.call import Outcome, Usage
from isthmus.errors import GatewayError, UpstreamRefused
from isthmus.routing.plan import Route
from isthmus.routing.router import Planned
from isthmus.serving import remarks as remarks_out
from isthmus.serving.answers import Reader, Whole, not_a
from isthmus.serving.attempting import Prepared
from isthmus.serving.model_call import Allowed, tell_attempts
from isthmus.serving.passed_callers import PassedStream, PassedWhole
from isthmus.serving.reply import Reply
from isthmus.serving.wishes import Wishes
from isthmus.translate.remarks import Remarks
from isthmus.upstreams import failures
from isthmus.upstreams.openai_compatible import PATH
from isthmus.upstreams.upstream import UpstreamCall
from isthmus.wire import json, sse
from isthmus.wire.chat import errors
from isthmus.wire.chat.passed import PassedReader, PassedRequest
from isthmus.wire.chat.reported import refusal
from isthmus.wire.chat.usage import usage_of
from isthmus.wire.messages.documents import Message

_DONE = sse.data_frame(b"[DONE]")
#: A body of so many bytes is a very long prompt, which takes its time to be read.
_LONG_PROMPT = 1024 * 1024


class PassedChat:
    """What is passed on of one request."""

    def __init__(
        self, document: PassedRequest, planned: Planned, wishes: Wishes, cap: int | None = None
    ) -> None:
        """Take a request; ``cap``: how many tokens its answer may have, where it asks for more."""
        self.document = document
        self.planned = planned
        self.wishes = wishes
        self.stream = document.stream
        self._cap = cap

    def prepare(self, route: Route) -> Prepared:
        """Address it to a route."""
        document = self.document
        if self._cap is not None and route.chat is not None:
            document.limit(route.chat.dialect.limit, self._cap)
        body = document.body(route.model)
        return Prepared(
            call=UpstreamCall(body=body, path=PATH, hops=self.wishes.hops + 1),
            stream=document.stream,
            slow_start=b'"json_schema"' in body or len(body) > _LONG_PROMPT,
            answer=Completion(document),
        )

    def complete_headers(self, reply: Reply, outcome: Outcome) -> None:
        """Add what is known once an upstream has answered."""
        tell_attempts(reply, outcome)
        if self._cap is not None:
            remarks = Remarks(strict=self.wishes.strict)
            Allowed("max_tokens", self._cap).said_in(remarks)
            reply.headers[remarks_out.WARNINGS] = remarks_out.header(remarks)
        request_id = outcome.attempts[-1].request_id
        if request_id:
            reply.headers["x-isthmus-upstream-request-id"] = request_id


class Completion:
    """An answer of Chat Completions that goes on as it is; see `serving.answers.Answer`."""

    def __init__(self, document: PassedRequest) -> None:
        self._document = document

    def reader(self) -> PassedReader:
        """Return what reads it as a stream."""
        document = self._document
        return PassedReader(choices=document.choices, wants_usage=document.wants_usage)

    def whole(self, document: object, body: bytes) -> Whole:
        """Take it in one piece."""
        if not isinstance(document, dict):
            raise not_a("completion")
        completion = cast("dict[str, Any]", document)
        if completion.get("error"):
            raise refusal(completion)
        if not isinstance(completion.get("choices"), list):
            raise not_a("completion")
        return Whole(cast("Message", completion), body)

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
        """Read what came in its place."""
        return failures.chat_refused(status, headers, body, time.time())


class WholePassedChat(PassedWhole):
    """A client that waits for the whole answer."""

    def __init__(self, call: PassedChat, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self._call = call

    def prepare(self, route: Route) -> Prepared:
        """Address the request to a route."""
        return self._call.prepare(route)

    def used(self, whole: Whole) -> Usage | None:
        """Return what an answer says of its usage."""
        return usage_of(whole.message)


class StreamedPassedChat(PassedStream):
    """A client that reads along."""

    def __init__(self, call: PassedChat, reply: Reply, outcome: Outcome) -> None:
        super().__init__(call, reply, outcome)
        self._call = call
        self._seen: PassedReader | None = None

    @property
    def complete(self) -> bool:
        """Whether the upstream's answer has ended."""
        return self._seen is not None and self._seen.complete

    def request(self, route: Route) -> Prepared:
        """Address the request to a route."""
        self._seen = None
        return self._call.prepare(route)

    def watch(self, _arrived: list[Any], reader: Reader, /) -> None:
        """Look at what goes by."""
        self._seen = cast("PassedReader", reader)

    def spent(self) -> Usage | None:
        """Return what the last attempt has used, as far as it came."""
        return None if self._seen is None else self._seen.usage

    def last_frames(self) -> bytes:
        """Return the mark that ends every stream."""
        return _DONE

    def failure(self, error: GatewayError) -> bytes:
        """Return the event that tells of it."""
        return sse.data_frame(json.encode(errors.document(error)))
