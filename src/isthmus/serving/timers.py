"""The deadline of one attempt, moved on as the answer arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from isthmus.serving.arrived import Arrived
from isthmus.serving.limit import Limit
from isthmus.upstreams.upstream import Timers
from isthmus.wire.chat.passed import ChunkFacts
from isthmus.wire.messages.documents import Event

#: Grammars have to be compiled before the first byte, and long prompts read: such answers may
#: start later.
SLOW_START_FACTOR = 2.5
#: While one of these is open, the model may well be silent for long.
_PENSIVE = frozenset({"thinking", "redacted_thinking", "tool_use", "server_tool_use"})


class Watch:
    """The deadline of one streamed attempt: enter `limit`, then say what arrives.

    Before the first content it is ``first_byte``, then ``first_content``; after it, ``stall``
    counts from the last bytes heard and ``content_idle`` from the last content, unless the model
    thinks; ``total`` and the call's own ``deadline`` always apply, and nothing else does while the
    client takes nothing (``blocked``) and so keeps the upstream waiting.
    """

    def __init__(
        self,
        timers: Timers,
        *,
        slow_start: bool,
        deadline: float,
        blocked: Callable[[], bool] = lambda: False,
    ) -> None:
        self._now = asyncio.get_running_loop().time
        self._stall = timers.stall
        self._idle = timers.content_idle
        self._blocked = blocked
        factor = SLOW_START_FACTOR if slow_start else 1.0
        started = self._now()
        self._total = min(started + timers.total, deadline)
        self._first_content = started + timers.first_content * factor
        self._has_content = False
        self._pensive = False
        self._content_at = started
        self.limit = Limit(min(self._total, started + timers.first_byte * factor), self._excuse)

    def heard(self, arrived: Sequence[Arrived | ChunkFacts]) -> None:
        """Note that bytes arrived, and the events that they completed."""
        now = self._now()
        for event in arrived:
            if not isinstance(event, dict):
                self._content_at = now
            elif event["type"] != "ping":
                self._content_at = now
                self._note_block(event)
        self._move(now)

    def _note_block(self, event: Event) -> None:
        match event:
            case {"type": "content_block_start", "content_block": {"type": kind}}:
                self._pensive = kind in _PENSIVE
            case {"type": "content_block_stop"}:
                self._pensive = False
            case _:
                return

    def content(self) -> None:
        """Note that the first content arrived."""
        self._has_content = True
        self._move(self._now())

    def _move(self, now: float) -> None:
        deadline = now + self._stall
        if not self._has_content:
            deadline = min(deadline, self._first_content)
        elif not self._pensive and self._content_at != now:
            deadline = min(deadline, self._content_at + self._idle)
        elif not self._pensive and self._idle < self._stall:
            deadline = now + self._idle
        self.limit.move(min(deadline, self._total))

    def _excuse(self) -> float:
        """Return for how long nobody is to blame: while the client takes nothing, none is."""
        now = self._now()
        if now >= self._total or not self._blocked():
            return 0.0
        # Looked at again when the time without content would be over if it began now.
        self._content_at = now
        return min(self._stall, self._idle, self._total - now)
