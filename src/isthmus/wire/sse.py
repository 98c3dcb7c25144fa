"""Server-sent events, both ways (WHATWG HTML, "Server-sent events").

Owns framing only: bytes in, events out, in whatever pieces the network brings them. What the data
of an event means is for the protocols beside this module.

The standard's line ends are LF, CR and CRLF and nothing else: U+2028 or U+0085 inside a JSON string
is text, so nothing here may ever call ``str.splitlines``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

#: Makes a named tuple without the detour by its ``__new__``: a stream has many events.
_new: Callable[..., Any] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
MAX_EVENT = 8 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class ServerEvent(NamedTuple):
    """One dispatched event: its name (``message`` where none was given) and its data."""

    name: str
    data: bytes


class EventTooLarge(ValueError):
    """An event grew past the limit without ending: the peer is broken or hostile."""


class Decoder:
    """Turns any split of a byte stream into the same events.

    An event that is not followed by a blank line when the input ends was never dispatched; `tail`
    says whether there was one.
    """

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._at_start = True
        self._after_cr = False

    @property
    def tail(self) -> bool:
        """Whether bytes are left that belong to an event not yet ended."""
        return bool(self._buffer.strip(b"\n"))

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Take the next bytes; return the events they complete.

        Raises:
            EventTooLarge: one event exceeds the limit.
        """
        events = [parse(block) for block in self.blocks(chunk)]
        return [event for event in events if event is not None]

    def blocks(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes; return the blocks of lines they complete, for `parse`.

        Raises:
            EventTooLarge: one block exceeds the limit.
        """
        if self._at_start:
            chunk = self._without_bom(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_lf_only(chunk)
        if not self._buffer and chunk.endswith(b"\n\n"):
            return chunk[:-2].split(b"\n\n")  # whole events, as most reads bring
        searched = max(len(self._buffer) - 1, 0)
        self._buffer += chunk
        if self._buffer.find(b"\n\n", searched) < 0:
            if len(self._buffer) > self._limit:
                raise EventTooLarge(f"an event is larger than {self._limit} bytes")
            return []
        *blocks, rest = bytes(self._buffer).split(b"\n\n")
        self._buffer = bytearray(rest)
        return blocks

    def _without_bom(self, chunk: bytes) -> bytes:
        """Strip one leading byte order mark, which may itself arrive in pieces."""
        chunk = bytes(self._buffer) + chunk
        self._buffer.clear()
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._buffer += chunk
            return b""
        self._at_start = False
        return chunk.removeprefix(_BOM)

    def _with_lf_only(self, chunk: bytes) -> bytes:
        """Write CR and CRLF as LF; a CRLF may be cut between its two bytes."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if chunk.endswith(b"\r"):
            self._after_cr = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def parse(block: bytes) -> ServerEvent | None:
    """Read one block of lines, without the blank one; None where it holds no data."""
    head, mark, text = block.partition(b"\ndata: ")
    if mark and head.startswith(b"event: ") and b"\n" not in text and b"\n" not in head:
        # A name and one line of data: what nearly every event of a model looks like.
        return _new(ServerEvent, (head[7:].decode("utf-8", "replace") or "message", text))
    name = b"message"
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, colon, value = line.partition(b":")
        if colon and value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value or b"message"
    if not data:
        return None
    return ServerEvent(name.decode("utf-8", "replace"), b"\n".join(data))


def data_frame(data: bytes) -> bytes:
    """Frame data as an event without a name. ``data`` must hold no line end (compact JSON)."""
    return b"data: " + data + b"\n\n"


def named_frame(name: str, data: bytes) -> bytes:
    """Frame data as an event with a name. ``data`` must hold no line end (compact JSON)."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def comment(text: str) -> bytes:
    """Frame a comment: every client must ignore it. ``text`` must hold no line end."""
    return b": " + text.encode() + b"\n\n"
