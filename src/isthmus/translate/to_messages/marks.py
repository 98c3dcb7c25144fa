"""Cache marks: where a caller wants the prompt cached up to, as each vocabulary writes it.

``cache_control`` is Claude's own word, ``prompt_cache_breakpoint`` OpenAI's. A mark changes no
meaning, so it may move to a place that ends the same prefix; it never stands on thinking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.translate.remarks import Remarks
from isthmus.wire.messages.documents import Block

HOUR = "1h"
#: Lifetimes that Claude has. One that is not given is 5m, and stays unsaid.
_KEPT = ("5m", HOUR)
_THINKING = ("thinking", "redacted_thinking")


class Mark(dict[str, str]):
    """A mark as it goes upstream, which remembers where the caller wrote it.

    ``inherits``: without a lifetime of its own it takes the one that the request asks for.
    """

    def __init__(self, path: str, ttl: str | None, *, inherits: bool = False) -> None:
        super().__init__(
            {"type": "ephemeral"} if ttl is None else {"type": "ephemeral", "ttl": ttl}
        )
        self.path = path
        self.inherits = inherits and ttl is None

    @property
    def lasts(self) -> bool:
        """Whether it lives for the longer of the two lifetimes."""
        return self.get("ttl") == HOUR

    def lengthen(self) -> None:
        """Give it the longer lifetime."""
        self["ttl"] = HOUR

    def join(self, other: Mark) -> None:
        """Stand for ``other`` as well, which marked the same place."""
        if other.lasts:
            self.lengthen()
        self.inherits = self.inherits or other.inherits


def lifetime(ttl: str | None, slug: str, path: str, remarks: Remarks) -> str | None:
    """Return the lifetime as Claude has it; OpenAI's longer ones are nearest to an hour."""
    if ttl is None or ttl in _KEPT:
        return ttl
    remarks.warn(slug, path, f"{ttl} is served as {HOUR}")
    return HOUR


def written(holder: Mapping[str, Any], path: str, remarks: Remarks) -> Mark | None:
    """Read the mark that the document at ``path`` carries, in either vocabulary."""
    if "cache_control" not in holder and "prompt_cache_breakpoint" not in holder:
        return None
    found: Mark | None = None
    for name in ("cache_control", "prompt_cache_breakpoint"):
        asked = holder.get(name)
        if asked is None:
            continue
        where = f"{path}.{name}".lstrip(".")
        ttl = lifetime(asked.get("ttl"), "cache_mark.ttl", f"{where}.ttl", remarks)
        mark = Mark(where, ttl, inherits=name == "prompt_cache_breakpoint")
        if found is None:
            found = mark
        else:
            found.join(mark)
    return found


def put(mark: Mark | None, block: Block) -> None:
    """Mark ``block``; of two marks on one block the longer lifetime counts."""
    if mark is None:
        return
    standing: Mark | None = block.get("cache_control")
    if standing is None:
        block["cache_control"] = mark
    else:
        standing.join(mark)


def put_last(mark: Mark | None, blocks: list[Block], remarks: Remarks) -> None:
    """Mark the last of ``blocks`` that can be marked; where none can, say that the mark is gone."""
    if mark is None:
        return
    markable = [block for block in blocks if block["type"] not in _THINKING]
    if markable:
        put(mark, markable[-1])
    else:
        remarks.warn("cache_mark.dropped", mark.path, "dropped, there is no content to mark")
