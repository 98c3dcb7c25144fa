"""Tokens as the sandbox counts them: pieces of text that add up to the text."""

from __future__ import annotations

import re
from typing import cast

_PIECE = re.compile(r"\s*\w{1,6}|\s*[^\w\s]|\s+")
#: What an image or a document counts for, whatever its size.
_MEDIA = 1_000
_MEDIA_TYPES = ("image", "document")


def pieces(text: str) -> list[str]:
    """Split text into tokens; joined they are the text again."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Count the tokens of a text."""
    return len(pieces(text))


def count_value(value: object) -> int:
    """Count a JSON value: its texts, the names of its members, and one for anything else."""
    if isinstance(value, str):
        return count(value)
    if isinstance(value, list):
        return sum(count_value(member) for member in cast("list[object]", value))
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        if members.get("type") in _MEDIA_TYPES:
            return _MEDIA
        return sum(count(name) + count_value(member) for name, member in members.items())
    return 1
