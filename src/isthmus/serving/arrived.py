"""What one read of an upstream's stream may bring."""

from __future__ import annotations

from isthmus.wire.chat.passed import ChunkFacts
from isthmus.wire.messages import events
from isthmus.wire.messages.documents import Event
from isthmus.wire.messages.events import TextRun

#: An event of a Messages stream, or text deltas in a row, whose text nobody decodes before it is
#: needed.
Arrived = Event | TextRun


def is_content(arrived: Event | TextRun | ChunkFacts) -> bool:
    """Say whether it shows content, or the end of an answer without any."""
    if isinstance(arrived, ChunkFacts):
        return arrived.content
    return events.is_content(arrived)
