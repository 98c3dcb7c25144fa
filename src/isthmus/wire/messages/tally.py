"""What can be told of a Messages stream from beside it: what was used, and whether it is whole."""

from __future__ import annotations

from typing import Any, cast

from isthmus.call import Usage
from isthmus.errors import UpstreamBroken
from isthmus.wire.messages.documents import Event
from isthmus.wire.messages.usage import UsageMeter


class Tally:
    """Watches the events of one stream; text deltas may be left out.

    ``complete``: the answer has ended as the protocol demands.
    """

    def __init__(self) -> None:
        self.complete = False
        self._meter = UsageMeter()
        self._open: set[object] = set()
        self._stopped = False

    @property
    def usage(self) -> Usage | None:
        """What was used so far; None when the upstream has not said."""
        return self._meter.usage

    def take(self, event: Event) -> None:
        """Take one event; those of unknown types change nothing.

        Raises:
            UpstreamBroken: the event does not fit the grammar.
        """
        try:
            self._take(event)
        except (KeyError, TypeError, AttributeError):
            raise UpstreamBroken("The upstream sent a malformed stream event.") from None

    def close(self) -> None:
        """Mark the end of the input: complete if a stop reason was seen and no block is open."""
        if self._stopped and not self._open:
            self.complete = True

    def _take(self, event: Event) -> None:
        match event["type"]:
            case "message_start":
                self._meter.take(cast("dict[str, Any]", event["message"]).get("usage"))
            case "content_block_start":
                self._open.add(event["index"])
            case "content_block_stop":
                self._open.discard(event["index"])
            case "message_delta":
                self._meter.take(event.get("usage"))
                if event["delta"].get("stop_reason") is not None:
                    self._stopped = True
            case "message_stop":
                self.complete = True
            case _:
                return
