"""``response_format: json_object``: an instruction beforehand, one code fence less afterwards.

Claude has no such mode. A schema is not made up: the model is told, and does it.
"""

from __future__ import annotations

import re

from isthmus.wire import json

#: Part of the prompt's prefix: a change of it makes caches worthless.
INSTRUCTION = (
    "Respond with exactly one JSON object. Write nothing before or after it, and no code fence."
)
_FENCE = "```"
_OPENING = re.compile(r"\s*```[^\n`]*\n")
#: The end of a text that may yet turn out to be a closing fence.
_CLOSING = re.compile(r"\s*(?:`{1,3}\s*)?\Z")


class Unfencing:
    """Takes one code fence from around a text that arrives in pieces.

    What may be part of a fence is held back until it is known; everything else goes on at once.
    """

    def __init__(self) -> None:
        self._held = ""
        self._fenced: bool | None = None
        self._said: list[str] = []

    def feed(self, piece: str) -> str:
        """Take a piece, return what can be said now."""
        self._held += piece
        if self._fenced is None and not self._decide():
            return ""
        if not self._fenced:
            return self._say(len(self._held))
        closing = _CLOSING.search(self._held)
        return self._say(closing.start() if closing else len(self._held))

    def close(self) -> str:
        """Take the end of the text, return what was held back and is none of the fence."""
        if self._fenced and self._held.strip() == _FENCE:
            self._held = ""
        return self._say(len(self._held))

    @property
    def text(self) -> str:
        """All that was said."""
        return "".join(self._said)

    def _decide(self) -> bool:
        """Find out whether the text begins with a fence; False while it cannot be told."""
        start = self._held.lstrip()
        if _FENCE.startswith(start[:3]) and len(start) < 3:
            return False
        if not start.startswith(_FENCE):
            self._fenced = False
            return True
        opening = _OPENING.match(self._held)
        if opening is None:
            if "\n" not in start:
                return False
            self._fenced = False
            return True
        self._fenced = True
        self._held = self._held[opening.end() :]
        return True

    def _say(self, size: int) -> str:
        said, self._held = self._held[:size], self._held[size:]
        if said:
            self._said.append(said)
        return said


def unfenced(text: str) -> str:
    """Return ``text`` without the code fence around it."""
    unfencing = Unfencing()
    return unfencing.feed(text) + unfencing.close()


def is_object(text: str) -> bool:
    """Say whether ``text`` is one JSON object."""
    try:
        return isinstance(json.decode(text.encode()), dict)
    except (json.MalformedJSON, UnicodeEncodeError):
        return False
