"""What a model says in pieces, one block after the other.

Vendors may go on with several calls by turns; clients of the Messages protocol take one block at a
time. So what does not belong to the open block waits for its turn.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from isthmus.translate.messages_over_chat.arguments import is_object
from isthmus.wire.chat.calls import GrowingCall

Kind = Literal["thinking", "text", "tool_use"]


class Segment(Struct):
    """What will be one block. ``unsent`` holds what was not told yet, ``text`` all of it.

    Of a call, ``call`` is its state and ``ordinal`` its number.
    """

    kind: Kind
    ordinal: int = -1
    call: GrowingCall | None = None
    begun: bool = False
    unsent: list[str] = field(default_factory=list[str])
    text: list[str] = field(default_factory=list[str])

    def grow(self, text: str) -> None:
        """Take more of it."""
        self.unsent.append(text)
        self.text.append(text)

    @property
    def whole(self) -> str:
        """All of it so far."""
        return "".join(self.text)

    @property
    def can_begin(self) -> bool:
        """Whether its block can be opened: of a call, name and id (if any) have to be known."""
        if self.call is None:
            return True
        return bool(self.call.name and (self.call.id or self.text))

    @property
    def can_end(self) -> bool:
        """Whether nothing can follow, once something else has begun."""
        return self.call is None or is_object(self.whole)

    def taken(self) -> str:
        """Return what was not told yet. Arguments are held back until they look like an object."""
        text = "".join(self.unsent)
        if self.call is not None and not text.lstrip().startswith("{") and self._is_silent:
            return ""
        self.unsent.clear()
        return text

    @property
    def _is_silent(self) -> bool:
        return len(self.unsent) == len(self.text)


class Segments:
    """The segments that are not told to their ends, in order; the first one may be open."""

    def __init__(self) -> None:
        self.queue: list[Segment] = []
        self._blank: dict[Kind, str] = {}
        self._calls: dict[int, Segment] = {}

    def say(self, kind: Kind, text: str) -> None:
        """Take a piece of text or thinking; white space alone begins none."""
        if not text:
            return
        if self.queue and self.queue[-1].kind == kind:
            self.queue[-1].grow(self._blank.pop(kind, "") + text)
            return
        text = self._blank.pop(kind, "") + text
        if not text.strip():
            self._blank[kind] = text
            return
        self.queue.append(Segment(kind))
        self.queue[-1].grow(text)

    def call(self, ordinal: int, call: GrowingCall, gained: str) -> bool:
        """Take a piece of a call; return whether it could be taken, as it cannot after its end."""
        segment = self._calls.get(ordinal)
        if segment is None:
            segment = self._calls[ordinal] = Segment("tool_use", ordinal, call)
            self.queue.append(segment)
        elif not any(segment is one for one in self.queue):
            return not gained.strip()
        if gained:
            segment.grow(gained)
        return True
