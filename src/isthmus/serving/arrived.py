"""What one read of an upstream's stream may bring."""

from __future__ import annotations

from isthmus.wire.messages.documents import Event
from isthmus.wire.messages.events import TextDelta

#: An event of a stream; of a text delta the text is not decoded before somebody needs it.
Arrived = Event | TextDelta
