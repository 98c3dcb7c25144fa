"""What one read of an upstream's stream may bring."""

from __future__ import annotations

from isthmus.wire.messages.documents import Event
from isthmus.wire.messages.events import TextRun

#: An event of a stream, or text deltas in a row, whose text nobody decodes before it is needed.
Arrived = Event | TextRun
