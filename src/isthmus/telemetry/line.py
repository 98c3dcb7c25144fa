"""The parts of a log line: a time, then ``name=value`` pairs. A line is always one line."""

from __future__ import annotations

import json
import time
from functools import lru_cache

_LONGEST_WORD = 200
_LONGEST_TEXT = 10_000


def utc_now() -> str:
    """Return the time in UTC to the second (RFC 3339)."""
    return _written(int(time.time()))


@lru_cache(maxsize=1)
def _written(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def word(text: str) -> str:
    """Make a value without blanks; a caller's text cannot write pairs or lines of its own."""
    text = text[:_LONGEST_WORD].replace(" ", "_")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "_" for char in text)


def quoted(text: str) -> str:
    """Make a value of any text, in quotes; what is no printable character is escaped."""
    if len(text) > _LONGEST_TEXT:
        text = text[:_LONGEST_TEXT] + "..."
    return json.dumps(text, ensure_ascii=not text.isprintable())
