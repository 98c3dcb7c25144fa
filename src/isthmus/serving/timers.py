"""The deadline of one attempt, moved on as the answer arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from isthmus.serving.arrived import Arrived
from isthmus.upstreams.upstream import Timers
from isthmus.wire.messages.documents import Event
from isthmus.wire.messages.events import TextDelta

#: Grammars have to be compiled before the first byte, and long prompts read: such answers may
#: start later.
SLOW_START_FACTOR = 2.5
#: While one of these is open, the model may well be silent for long.
_PENSIVE = frozenset({"thinking", "redacted_thinking", "tool_use", "server_tool_use"})


class Watch:
    """The deadline of one attempt: enter `limit`, then say what arrives.

    Before the first content it is ``first_byte``, then ``first_content``; after it, ``stall``
    counts from the last bytes heard and ``content_idle`` from the last content, unless the model
    thinks; ``total`` and the call's own ``deadline`` always apply. An answer in one piece has
    ``unary_total`` and the latter. Moving a timer costs more than an event may, so deadlines move
    in steps of a tenth of the stall's length, or when the model begins or ends to think.
    """

    def __init__(self, timers: Timers, *, streams: bool, slow_start: bool, deadline: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._timers = timers
        self._slack = min(1.0, timers.stall / 10)
        factor = SLOW_START_FACTOR if slow_start else 1.0
        started = self._now()
        self._total = min(started + timers.total, deadline)
        self._first_content = started + timers.first_content * factor
        self._has_content = False
        self._pensive = False
        self._content_at = started
        self._moved = started
        first_byte = min(self._total, started + timers.first_byte * factor)
        whole = min(started + timers.unary_total, deadline)
        self.limit = asyncio.timeout_at(first_byte if streams else whole)

    def heard(self, arrived: list[Arrived]) -> None:
        """Note that bytes arrived, and the events that they completed."""
        now, was_pensive = self._now(), self._pensive
        for event in arrived:
            if isinstance(event, TextDelta):
                self._content_at = now
            elif event["type"] != "ping":
                self._content_at = now
                self._note_block(event)
        late = now - self._moved >= self._slack
        if late or not self._has_content or self._pensive != was_pensive:
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

    @contextmanager
    def paused(self) -> Generator[None]:
        """Let only the whole be limited meanwhile: the client keeps the upstream waiting."""
        self.limit.reschedule(self._total)
        try:
            yield
        finally:
            now = self._now()
            self._content_at = now
            if not self.limit.expired():
                self._move(now)

    def _move(self, now: float) -> None:
        self._moved = now
        deadline = min(self._total, now + self._timers.stall)
        if not self._has_content:
            deadline = min(deadline, self._first_content)
        elif not self._pensive:
            deadline = min(deadline, self._content_at + self._timers.content_idle)
        self.limit.reschedule(deadline)
