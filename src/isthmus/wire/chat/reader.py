"""Reads chat answers, whole or chunk by chunk, in all the ways that vendors write them."""

from __future__ import annotations

from typing import Any, cast

from msgspec import Struct

from isthmus.call import Usage
from isthmus.errors import UpstreamBroken
from isthmus.wire.chat.calls import GrowingCalls
from isthmus.wire.chat.documents import Chunk, Completion
from isthmus.wire.chat.events import Done, first_choice, is_error
from isthmus.wire.chat.reported import refusal
from isthmus.wire.chat.thoughts import thoughts_of
from isthmus.wire.chat.usage import usage_of

#: Reasons that say the answer failed: it did not end, it was given up.
_FAILED = frozenset({"error", "network_error", "insufficient_system_resource", "abort"})


class Piece(Struct, frozen=True):
    """What one chunk brings. ``calls`` holds, for each call it goes on with, number and text."""

    thoughts: str = ""
    text: str = ""
    refusal: str = ""
    calls: tuple[tuple[int, str], ...] = ()


NOTHING = Piece()


class AnswerReader:
    """Takes the events of one answer in order, and keeps what they say about it.

    `complete` is true after ``[DONE]``, and after the end of the input where a finish reason was
    seen. Only the first choice is read; no other is ever asked for.
    """

    def __init__(self) -> None:
        self.complete = False
        self.begun = False
        self.id = ""
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        #: What made the model stop, where the vendor tells it.
        self.stopped_by: str | None = None
        self.calls = GrowingCalls()
        self.service_tier = ""
        #: The member in which the thoughts of this answer come.
        self.thoughts_member: str | None = None

    def feed(self, event: Chunk | Done) -> Piece:
        """Take one event.

        Raises:
            UpstreamBroken: it is no chunk, or says that the answer was given up.
            UpstreamRefused: it reports an error.
        """
        if isinstance(event, Done):
            self._require_begun()
            self.complete = True
            return NOTHING
        if is_error(event):
            raise refusal(event)
        try:
            return self._take(event)
        except (TypeError, AttributeError):
            raise UpstreamBroken("The upstream sent a malformed stream event.") from None

    def close(self) -> None:
        """Take the end of the input: an answer with a finish reason is whole without ``[DONE]``."""
        if self.finish_reason is not None:
            self.complete = True

    def read(self, completion: Completion) -> Piece:
        """Take a whole answer.

        Raises:
            UpstreamBroken: it is no completion, or has not come to an end.
        """
        choice = first_choice(completion)
        if choice is None or not isinstance(choice.get("message"), dict):
            raise UpstreamBroken(
                "The upstream's answer is not a completion.", code="invalid_answer"
            )
        piece = self.feed({**completion, "choices": [{**choice, "delta": _numbered(choice)}]})
        self.complete = True
        return piece

    def _take(self, chunk: Chunk) -> Piece:
        self.begun = True
        self.id = self.id or _text(chunk.get("id"))
        self.service_tier = self.service_tier or _text(chunk.get("service_tier"))
        self.usage = usage_of(chunk) or self.usage
        choice = first_choice(chunk)
        if choice is None:
            return NOTHING
        # Some vendors tell the usage inside of the choice.
        self.usage = usage_of(choice) or self.usage
        piece = self._piece(choice.get("delta") or {})
        self._note_ending(choice)
        return piece

    def _piece(self, delta: dict[str, Any]) -> Piece:
        thoughts = thoughts_of(delta, self.thoughts_member)
        if thoughts is not None:
            self.thoughts_member = thoughts.member
        grown: list[object] = delta.get("tool_calls") or []
        return Piece(
            thoughts="" if thoughts is None else thoughts.text,
            text=_content(delta.get("content")),
            refusal=_text(delta.get("refusal")),
            calls=tuple(self.calls.feed(piece) for piece in grown),
        )

    def _note_ending(self, choice: dict[str, Any]) -> None:
        reason = choice.get("finish_reason")
        if not reason:
            return
        self.finish_reason = _text(reason)
        if self.finish_reason in _FAILED:
            raise UpstreamBroken("The upstream gave its answer up.")
        stopped_by = choice.get("stop_sequence") or choice.get("stop_reason")
        self.stopped_by = stopped_by if isinstance(stopped_by, str) else None

    def _require_begun(self) -> None:
        if not self.begun:
            raise UpstreamBroken("The upstream's stream ended before it began.")


def _numbered(choice: dict[str, Any]) -> dict[str, Any]:
    """Return a message as one delta; in a message each entry is a call of its own."""
    message: dict[str, Any] = choice["message"]
    calls: object = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    entries = cast("list[object]", calls)
    numbered = [
        {**cast("dict[str, Any]", entry), "index": at} if isinstance(entry, dict) else entry
        for at, entry in enumerate(entries)
    ]
    return {**message, "tool_calls": numbered}


def _content(value: object) -> str:
    """Return a content's text; some vendors send it as parts."""
    if not isinstance(value, list):
        return _text(value)
    parts = cast("list[dict[str, Any]]", value)
    return "".join(_text(part.get("text")) for part in parts if part.get("type") == "text")


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError
    return value
