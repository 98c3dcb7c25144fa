"""What an upstream's answer is: how it is read, in whatever protocol it is told.

Who asks says what kind of answer there will be; the relay reads it without knowing more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, cast

from isthmus.errors import UpstreamBroken, UpstreamError, UpstreamRefused
from isthmus.upstreams import failures
from isthmus.wire import json
from isthmus.wire.messages.documents import Message
from isthmus.wire.messages.reading import EventReader


class Whole(NamedTuple):
    """An answer in one piece, and the bytes in which it goes on where nobody translates it."""

    message: Message
    body: bytes


class Reader(Protocol):
    """Reads one stream.

    ``failure`` is set where what follows the events returned last is none, or tells that the answer
    has failed. Nothing is read after that.
    """

    @property
    def failure(self) -> UpstreamError | None:
        """What is wrong with what follows."""
        ...

    @property
    def frames(self) -> bytes:
        """The bytes of the events returned last, as they go on where nobody translates them."""
        ...

    def feed(self, chunk: bytes, /) -> list[Any]:
        """Take the next bytes; return the events they complete.

        Raises:
            sse.EventTooLarge: one event exceeds the limit.
        """
        ...

    def close(self) -> list[Any]:
        """Take the end of the input; return the events that follow from it."""
        ...


class Answer(Protocol):
    """One kind of answer."""

    def reader(self) -> Reader:
        """Return what reads it as a stream."""
        ...

    def whole(self, document: object, body: bytes, /) -> Whole:
        """Take it in one piece; ``document`` is what ``body`` holds, None where that is no JSON.

        Raises:
            UpstreamBroken: it is no such answer.
        """
        ...

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
        """Read what came in its place, with a status that is not 200."""
        ...


class MessageAnswer:
    """A message of the Messages protocol."""

    def reader(self) -> Reader:
        """Return what reads it as a stream."""
        return EventReader()

    def whole(self, document: object, body: bytes) -> Whole:
        """Take it in one piece."""
        message = _object(document)
        if message.get("type") != "message":
            raise not_a("message")
        return Whole(cast("Message", message), body)

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamRefused:
        """Read what came in its place."""
        return failures.refused(status, headers, body, time.time())


class CountAnswer(MessageAnswer):
    """A count of tokens, in the Messages protocol."""

    def whole(self, document: object, body: bytes) -> Whole:
        """Take it in one piece."""
        counted = _object(document)
        if not isinstance(counted.get("input_tokens"), int):
            raise not_a("count")
        return Whole(cast("Message", counted), body)


MESSAGE = MessageAnswer()
COUNT = CountAnswer()


def not_a(kind: str) -> UpstreamBroken:
    """Make the error of an answer that is not of a kind."""
    return UpstreamBroken(f"The upstream's answer is not a {kind}.", code="invalid_answer")


def decoded(body: bytes) -> object:
    """Return what a body holds; None where it is no JSON."""
    try:
        return json.decode_tolerantly(body)
    except json.MalformedJSON:
        return None


def _object(document: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", document) if isinstance(document, dict) else {}
