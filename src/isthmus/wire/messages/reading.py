"""Reads a Messages stream: bytes in, events out, in whatever pieces the network brings them."""

from __future__ import annotations

from isthmus.errors import UpstreamBroken, UpstreamError, UpstreamRefused
from isthmus.wire import sse
from isthmus.wire.messages.documents import Event
from isthmus.wire.messages.errors import read_event
from isthmus.wire.messages.events import TextRun, decode, is_literal


class EventReader:
    """Reads one stream.

    ``failure`` is set where what follows the events returned last is no event, or is one that
    reports an error. Nothing is read after that.

    Nearly all of a stream are text deltas that differ in nothing but their text. From one that was
    decoded the reader learns what stands around the text. A block of lines that has the same before
    and after a JSON string differs from it in that string alone, so it need not be decoded.
    """

    def __init__(self) -> None:
        self.failure: UpstreamError | None = None
        self._read: list[bytes] = []
        self._decoder = sse.Decoder()
        self._block, self._kind = -1, ""
        self._before = self._after = b"nothing yet"

    def feed(self, chunk: bytes) -> list[Event | TextRun]:
        """Take the next bytes; return the events they complete.

        Raises:
            sse.EventTooLarge: one event exceeds the limit.
        """
        arrived: list[Event | TextRun] = []
        run: list[bytes] | None = None
        before, after = self._before, self._after
        blocks = self._read = self._decoder.blocks(chunk)
        for block in blocks:
            if block.startswith(before) and block.endswith(after):
                literal = block[len(before) : -len(after)]
                if is_literal(literal):
                    if run is None:
                        run = [literal]
                        arrived.append(TextRun(self._block, self._kind, run))
                    else:
                        run.append(literal)
                    continue
            run = None
            event = self._decoded(block)
            if event is not None:
                arrived.append(event)
            elif self.failure is not None:
                del blocks[blocks.index(block) :]
                break
            before, after = self._before, self._after
        return arrived

    def close(self) -> list[Event | TextRun]:
        """Take the end of the input, from which no event follows."""
        return []

    @property
    def frames(self) -> bytes:
        """The bytes of the events that `feed` returned last, each with its end."""
        return b"".join([block + b"\n\n" for block in self._read])

    def _decoded(self, block: bytes) -> Event | TextRun | None:
        """Decode one block; None where it holds no event, or the stream must not be read on."""
        frame = sse.parse(block)
        if frame is None:
            return None
        try:
            event = decode(frame)
        except UpstreamBroken as error:
            self.failure = error
            return None
        if isinstance(event, TextRun):
            self._learn(block, event)
        elif event["type"] == "error":
            self.failure = _refusal(event)
            return None
        return event

    def _learn(self, block: bytes, run: TextRun) -> None:
        """Note what stands around the text of a delta."""
        literal = run.literals[0]
        before, _, after = block.partition(literal)
        # Where the text is found twice, it might be the other one.
        if after and literal not in after:
            self._block, self._kind = run.block, run.kind
            self._before, self._after = before, after


def _refusal(event: Event) -> UpstreamRefused:
    error = read_event(event)
    return UpstreamRefused(error.message, upstream_status=error.status, upstream_type=error.kind)
