"""Thoughts that a request sends back: which of them the model gets to see.

A thought of a model that cannot be read is left out, without a word. One that is bound to another
account, or to another conversation where the model checks that, is refused, or left out on demand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isthmus.sandbox.errors import invalid
from isthmus.sandbox.models import Model, find
from isthmus.sandbox.prompt import Prompt, Segment
from isthmus.sandbox.reading import can_read
from isthmus.sandbox.rules.thinking import drops_mismatches
from isthmus.sandbox.signature import THOUGHTS, Bond, bond
from isthmus.sandbox.thread import Thread

Document = dict[str, Any]

_REFUSED = "Invalid `signature` in `thinking` block: the block is bound to a different conversation"
_OTHER_ACCOUNT = "organization_binding_mismatch"
_UNREADABLE = "model_binding_mismatch"
_OTHER_PREFIX = "prefix_binding_mismatch"


@dataclass(frozen=True)
class Bound:
    """A request whose thoughts were judged: what is left of it, and what was left out and why."""

    document: Document
    prompt: Prompt
    thread: Thread
    transformations: list[Document]


def bind(document: Document, model: Model, account: str) -> Bound:
    """Judge the thoughts of a checked request. ``account``: a name of who sends it.

    Raises:
        ApiError: one is bound to something else, and the request does not say to drop it.
    """
    prompt = Prompt(document)
    judge = _Judge(document, model, account)
    for segment in prompt.segments:
        judge.hear(segment)
    if judge.dropped:
        document = _without(document, {place for place, _ in judge.dropped})
        prompt = Prompt(document)
    told = [
        {"type": "thinking_dropped", "path": _path(place), "reason": reason}
        for place, reason in judge.dropped
    ]
    return Bound(document, prompt, judge.thread, told)


class _Judge:
    """Hears a request from its beginning."""

    def __init__(self, document: Document, model: Model, account: str) -> None:
        self.thread = Thread(model, account, document.get("tools", []))
        self.dropped: list[tuple[tuple[int, int], str]] = []
        self._model = model
        self._account = account
        self._is_lenient = drops_mismatches(document)
        #: Whether the last segment was a thought from elsewhere: those right behind it go with it.
        self._is_lost = False

    def hear(self, segment: Segment) -> None:
        """Judge the next segment, if it is a thought."""
        if segment.content.get("type") not in THOUGHTS:
            self._is_lost = False
            self.thread.say(segment.role, segment.content)
            return
        found = bond(segment.content)
        self._is_lost = self._is_lost or not self.thread.has(found)
        reason, is_error = self._objection(found)
        if reason is not None:
            if is_error and not self._is_lenient:
                raise invalid(_path(segment.place), _REFUSED)
            self.dropped.append((segment.place, reason))
        # What only this model or account cannot use is part of the conversation all the same.
        if not self._is_lost:
            self.thread.think(segment.content)

    def _objection(self, found: Bond) -> tuple[str | None, bool]:
        """Tell why a thought cannot be used, and whether that is an error."""
        maker = find(found.model)
        is_readable = maker is not None and can_read(self._model, maker)
        if maker is not None and maker.account_bound and found.account != self._account:
            return _OTHER_ACCOUNT, is_readable
        if not is_readable:
            return _UNREADABLE, False
        if self._is_lost and self._model.prefix_check != "none":
            return _OTHER_PREFIX, True
        return None, False


def _without(document: Document, places: set[tuple[int, int]]) -> Document:
    """Leave blocks out, and messages of which nothing is left."""
    messages: list[Document] = []
    for at, message in enumerate(document["messages"]):
        content = message["content"]
        if not isinstance(content, str):
            content = [block for j, block in enumerate(content) if (at, j) not in places]
        if content:
            messages.append({**message, "content": content})
    return {**document, "messages": messages}


def _path(place: tuple[int, int]) -> str:
    return f"messages.{place[0]}.content.{place[1]}"
