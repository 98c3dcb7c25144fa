"""A chat call that is passed on as it is: looked at where need be, rewritten by name only.

Every top-level value of a request stays the very text it came in, and so does every chunk of a
stream. What nobody here knows goes through.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
from msgspec import Raw, Struct

from isthmus.call import Usage
from isthmus.errors import InvalidRequest, UpstreamBroken, UpstreamError
from isthmus.wire import json, sse
from isthmus.wire.chat.reported import refusal
from isthmus.wire.chat.thoughts import thoughts_of
from isthmus.wire.chat.usage import usage_of

_decoder = msgspec.json.Decoder(dict[str, Raw])
_TOLD = ("content", "refusal", "tool_calls", "function_call", "audio")


class PassedRequest:
    """A request's members by name, each as JSON text.

    ``wants_usage``: the client asked for the usage of its stream; ``choices`` is how many answers
    it wants.
    """

    def __init__(self, body: bytes) -> None:
        """Take a request's body, of which it is known that it is a JSON object.

        Raises:
            InvalidRequest: members that have to be understood are not what they should be.
        """
        self._members = _decoder.decode(body)
        self.stream = self._read("stream", bool, default=False)
        self.choices = self._read("n", int, default=1)
        self._options = self._read("stream_options", dict, default=cast("dict[str, Any]", {}))
        self.wants_usage = bool(self._options.get("include_usage"))

    def body(self, model: str) -> bytes:
        """Write the chat request for an upstream that knows the model by this name.

        A stream is always to tell its usage.
        """
        if self.stream and not self.wants_usage:
            options = {**self._options, "include_usage": True}
            self._members["stream_options"] = Raw(json.encode(options))
        return self.renamed(model)

    def limit(self, name: str, tokens: int) -> None:
        """Limit the answer to so many tokens; ``name``: the upstream's word for that."""
        for other in ("max_tokens", "max_completion_tokens"):
            self._members.pop(other, None)
        self._members[name] = Raw(json.encode(tokens))

    def renamed(self, model: str) -> bytes:
        """Write the request with another name of its model; an empty one leaves it as it is."""
        if model:
            self._members["model"] = Raw(json.encode(model))
        return json.encode(self._members)

    def _read(self, name: str, kind: type, *, default: Any) -> Any:
        text = self._members.get(name)
        value: object = None if text is None else json.decode_tolerantly(bytes(text))
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            word = {bool: "a boolean", int: "an integer", dict: "an object"}[kind]
            raise InvalidRequest(f"'{name}' must be {word}.", param=name)
        return value


class ChunkFacts(Struct, frozen=True):
    """What has to be known of a chunk. ``content``: it shows some, or an answer's end."""

    content: bool


class PassedReader:
    """Reads one stream without changing it, but for usage that nobody asked for.

    ``complete`` is true after ``[DONE]``, and at the end of the input where every choice has given
    a reason to stop. The mark itself is not among the ``frames``: whoever passes them on writes it.
    """

    def __init__(self, *, choices: int, wants_usage: bool) -> None:
        self.complete = False
        self.usage: Usage | None = None
        self.failure: UpstreamError | None = None
        self._choices = choices
        self._wants_usage = wants_usage
        self._decoder = sse.Decoder()
        self._frames: list[bytes] = []
        self._begun = False
        self._ended: set[object] = set()

    @property
    def frames(self) -> bytes:
        """The bytes of the events that `feed` returned last, each with its end."""
        return b"".join([block + b"\n\n" for block in self._frames])

    def feed(self, chunk: bytes) -> list[ChunkFacts]:
        """Take the next bytes; return what has to be known of the events they complete.

        Raises:
            sse.EventTooLarge: one event exceeds the limit.
        """
        self._frames = []
        arrived: list[ChunkFacts] = []
        for block in self._decoder.blocks(chunk):
            try:
                facts = self._read(block)
            except UpstreamError as error:
                self.failure = error
                break
            if facts is not None:
                arrived.append(facts)
            if self.complete:
                break
        return arrived

    def close(self) -> list[ChunkFacts]:
        """Take the end of the input: a reason for every choice makes a whole answer."""
        self._frames = []
        self.complete = self.complete or len(self._ended) >= self._choices
        return []

    def _read(self, block: bytes) -> ChunkFacts | None:
        frame = sse.parse(block)
        if frame is None:
            self._frames.append(block)  # a comment: it shows that somebody is alive
            return None
        if frame.data.strip() == b"[DONE]":
            if not self._begun:
                raise UpstreamBroken("The upstream's stream ended before it began.")
            self.complete = True
            return ChunkFacts(content=True)
        document = _chunk(frame.data)
        if document.get("error"):
            raise refusal(document)
        self._begun = True
        self.usage = usage_of(document) or self.usage
        facts = ChunkFacts(content=self._shows_content(document))
        if document.get("choices") or self._wants_usage or not document.get("usage"):
            self._frames.append(block)
        return facts

    def _shows_content(self, document: dict[str, Any]) -> bool:
        shows = False
        for choice in document.get("choices") or ():
            if not isinstance(choice, dict):
                raise UpstreamBroken("The upstream sent a choice that is no object.")
            members = cast("dict[str, Any]", choice)
            self.usage = usage_of(members) or self.usage
            if members.get("finish_reason"):
                self._ended.add(members.get("index", 0))
                shows = True
            delta: object = members.get("delta")
            if isinstance(delta, dict):
                told = cast("dict[str, Any]", delta)
                shows = shows or any(told.get(name) for name in _TOLD)
                shows = shows or thoughts_of(told) is not None
        return shows


def _chunk(data: bytes) -> dict[str, Any]:
    try:
        document: object = json.decode_tolerantly(data)
    except json.MalformedJSON:
        raise UpstreamBroken("The upstream sent an event that is not JSON.") from None
    if not isinstance(document, dict):
        raise UpstreamBroken("The upstream sent an event that is not an object.")
    members = cast("dict[str, Any]", document)
    if not isinstance(members.get("choices") or [], list):
        raise UpstreamBroken("The upstream sent choices that are no list.")
    return members
