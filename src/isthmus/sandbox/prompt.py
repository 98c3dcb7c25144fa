"""A request's prompt as the model reads it: one segment after another, tools first.

What does not change the prompt's meaning does not change its segments: where cache breakpoints
stand, whether a text is a string or a block, and how a turn is cut into messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from isthmus.sandbox.errors import ApiError
from isthmus.sandbox.models import Model
from isthmus.sandbox.rules.conversation import turns
from isthmus.sandbox.signature import THOUGHTS
from isthmus.sandbox.tokens import count, count_value
from isthmus.wire import json

Document = dict[str, Any]
Block = dict[str, Any]

#: What the frame of a request counts for, besides its texts.
_OVERHEAD = 8
_MARK = "cache_control"


@dataclass(frozen=True)
class Segment:
    """One tool, block of the system text, or block of a message.

    ``lifetime``: "5m" or "1h" where a cache breakpoint stands on it. ``place``: which message it is
    of, and which block of that.
    """

    role: str
    content: Block
    tokens: int
    lifetime: str | None = None
    place: tuple[int, int] = (-1, -1)


class Prompt:
    """The segments of a checked request, in the order tools, system, messages."""

    def __init__(self, document: Document) -> None:
        self.segments = _marked_automatically(document, list(_segments(document)))
        self.tokens = _OVERHEAD + sum(segment.tokens for segment in self.segments)

    def check_fits(self, model: Model) -> None:
        """Check that the model's context window holds the prompt.

        Raises:
            ApiError: it is longer, in upstream's words.
        """
        if self.tokens > model.max_input:
            words = f"prompt is too long: {self.tokens} tokens > {model.max_input} maximum"
            raise ApiError(400, words)

    def prefixes(self, scope: str) -> Iterator[tuple[bytes, int, str | None]]:
        """Tell the digest and the tokens of each prefix, and the lifetime of its breakpoint.

        ``scope``: prompts of different scopes have no prefix in common.
        """
        digest, tokens = hashlib.sha256(scope.encode()).digest(), _OVERHEAD
        for segment in self.segments:
            said = json.encode([segment.role, segment.content])
            digest = hashlib.sha256(digest + said).digest()
            tokens += segment.tokens
            yield digest, tokens, segment.lifetime


def _segments(document: Document) -> Iterator[Segment]:
    for tool in document.get("tools", []):
        if not tool.get("defer_loading"):  # such a tool is not shown until it is found
            yield _segment("tools", tool)
    system: str | list[Block] = document.get("system") or []
    for block in [{"type": "text", "text": system}] if isinstance(system, str) else system:
        yield _segment("system", block)
    for turn in turns(document):
        frame = count(turn.role)
        for block, place in zip(turn.content, turn.places, strict=True):
            yield replace(_segment(turn.role, block, frame), place=place)
            frame = 0


def _segment(role: str, block: Block, frame: int = 0) -> Segment:
    bare = cast("Block", _without_marks(block))
    return Segment(role, bare, frame + count_value(bare), _lifetime(block))


def _lifetime(block: Block) -> str | None:
    """Return the lifetime of the block's breakpoint; one inside of it stands at its end."""
    inner: Any = block.get("content")
    blocks = cast("list[Block]", inner) if isinstance(inner, list) else []
    for holder in (block, *reversed(blocks)):
        mark: Document | None = holder.get(_MARK)
        if mark is not None:
            return mark.get("ttl", "5m")
    return None


def _without_marks(value: object) -> object:
    """Leave breakpoints out, also those of inner blocks, but nothing that a tool was called with.

    A member of that name is a breakpoint in blocks and tools only; in the arguments of a call or in
    a schema it is data.
    """
    if isinstance(value, list):
        return [_without_marks(member) for member in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, object]", value)
    return {
        name: _without_marks(member) if name == "content" else member
        for name, member in members.items()
        if name != _MARK
    }


def _marked_automatically(document: Document, segments: list[Segment]) -> list[Segment]:
    """Set the request's own breakpoint, which stands on the last block that can be cached."""
    mark: Document | None = document.get(_MARK)
    for at in range(len(segments) - 1, -1, -1) if mark is not None else ():
        found = segments[at]
        if found.content.get("type") in THOUGHTS:
            continue
        if found.lifetime is None:
            lifetime = cast("Document", mark).get("ttl", "5m")
            segments[at] = replace(found, lifetime=lifetime)
        break
    return segments
