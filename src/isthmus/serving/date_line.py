"""The header line that tells the time, which every answer carries (RFC 9110 section 6.6.1)."""

from __future__ import annotations

import time
from email.utils import formatdate


class DateLine:
    """Writes the line once a second at most."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def __call__(self) -> bytes:
        """Return the line, with its end."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = b"date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._line
