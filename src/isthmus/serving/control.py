"""What a supervisor and its workers say to each other, over a pair of sockets.

A message is one byte for its kind, four for the length of what follows, and that.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, json

#: From a worker: it takes requests; it is on its way out; what it has counted.
READY, DRAINING, COUNTED = b"R", b"D", b"C"
#: To a worker: what it must know before it starts; how much time it has left; count now.
GREETING, LEAVE, COUNT = b"G", b"L", b"N"

_HEAD = 5


class Patience(Struct, frozen=True):
    """Seconds: for which requests are still taken, and running ones may go on after that."""

    taking: float
    finishing: float


def message(kind: bytes, payload: bytes = b"") -> bytes:
    """Write one message."""
    return kind + len(payload).to_bytes(4) + payload


def leave(patience: Patience) -> bytes:
    """Write the order to leave."""
    return message(LEAVE, json.encode(patience))


def patience(payload: bytes) -> Patience:
    """Read how much time there is."""
    return json.decode(payload, type=Patience)


class Messages:
    """Takes bytes as they come, and gives whole messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Give the kind and the payload of every message that is complete."""
        self._buffer += data
        while len(self._buffer) >= _HEAD:
            end = _HEAD + int.from_bytes(self._buffer[1:_HEAD])
            if len(self._buffer) < end:
                return
            whole = bytes(self._buffer[:end])
            del self._buffer[:end]
            yield whole[:1], whole[_HEAD:]
