"""Stream events of the Responses protocol: their numbers, and how they are framed."""

from __future__ import annotations

from typing import Any

from isthmus.wire import json
from isthmus.wire.responses.documents import Event
from isthmus.wire.sse import named_frame

#: Events after which nothing follows. The protocol has no other terminator.
TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


class Numbering:
    """Makes the events of one stream, numbered from 0 without a gap."""

    def __init__(self) -> None:
        self._next = 0

    def event(self, kind: str, members: dict[str, Any]) -> Event:
        """Make the next event, whose type is ``kind``."""
        event: Event = {"type": kind, "sequence_number": self._next, **members}
        self._next += 1
        return event


def framed(event: Event) -> bytes:
    """Frame an event under its type, as clients expect it."""
    return named_frame(event["type"], json.encode(event))
