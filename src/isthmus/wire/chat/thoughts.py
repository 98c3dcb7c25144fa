"""Where vendors put what a model thought: the members of messages and deltas that hold it.

Some tell the same thoughts in two members at once, so one of them counts for a whole answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

#: Thoughts as text, and as a list of entries of which some hold text.
TEXTS = ("reasoning_content", "reasoning")
DETAILS = "reasoning_details"
_IN_ENTRY = ("text", "summary")


class Thoughts(NamedTuple):
    """A piece of thinking, and the member it came in."""

    member: str
    text: str


def thoughts_of(document: Mapping[str, Any], member: str | None = None) -> Thoughts | None:
    """Return what a message or delta holds of thinking; None where it holds none.

    ``member`` is where this answer's thoughts have come before; others then count for nothing.
    Where there are several, the one that is written first counts.
    """
    for name, value in document.items():
        if member is not None and name != member:
            continue
        text = text_in(name, value)
        if text:
            return Thoughts(name, text)
    return None


def text_in(name: str, value: object) -> str:
    """Return the text that a member of this name holds; nothing where it is none of them."""
    if name in TEXTS and isinstance(value, str):
        return value
    if name == DETAILS and isinstance(value, list):
        return "".join(map(_entry_text, cast("list[object]", value)))
    return ""


def _entry_text(entry: object) -> str:
    if not isinstance(entry, dict):
        return ""
    members = cast("dict[str, object]", entry)
    found = (members.get(name) for name in _IN_ENTRY)
    return next((text for text in found if isinstance(text, str)), "")
