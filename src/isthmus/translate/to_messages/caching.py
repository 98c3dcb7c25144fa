"""How far a prompt is cached: the caller's marks in the number and order upstream takes, and ours.

Marks are no part of what is cached: where they stand never changes the prefix of a conversation.
"""

from __future__ import annotations

from typing import Any, cast

from isthmus.call import Caching, Capabilities
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.marks import HOUR, Mark, lifetime, written
from isthmus.translate.to_messages.prompt_size import reaches
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.messages.documents import Block, MessagesRequest

#: Upstream's limit, the automatic mark included.
MAX_MARKS = 4
_RETENTION = "prompt_cache_retention"
_NO_OPTIONS: dict[str, Any] = {}


def set_marks(
    document: MessagesRequest,
    request: ChatRequest,
    caching: Caching,
    capabilities: Capabilities,
    remarks: Remarks,
) -> None:
    """Settle all marks of a translated request, whose blocks carry those the caller set."""
    wanted = _lifetime(request, remarks)
    marked = _marked(document)
    for block in marked:
        mark: Mark = block["cache_control"]
        if mark.inherits and wanted == HOUR:
            mark.lengthen()
    automatic: Mark | None = None
    if request.get("cache_control") is not None:
        automatic = written({"cache_control": request.get("cache_control")}, "", remarks)
    if automatic is None and _is_automatic(document, request, caching, capabilities):
        automatic = Mark("cache_control", wanted)
    if automatic is not None:
        _add(automatic, marked, document, remarks)
    if len(marked) > 1:
        _remove_excess(marked, remarks)
        _order([block["cache_control"] for block in marked[-MAX_MARKS:]], remarks)


def _lifetime(request: ChatRequest, remarks: Remarks) -> str | None:
    """Return the lifetime that the request asks for as a whole; both members know longer ones."""
    ttl = (request.get("prompt_cache_options") or _NO_OPTIONS).get("ttl")
    wanted = lifetime(ttl, "prompt_cache_options.ttl", "prompt_cache_options.ttl", remarks)
    if request.get(_RETENTION) != "24h":
        return wanted
    return lifetime("24h", f"{_RETENTION}.approximated", _RETENTION, remarks)


def _is_automatic(
    document: MessagesRequest,
    request: ChatRequest,
    caching: Caching,
    capabilities: Capabilities,
) -> bool:
    """Say whether the end of this prompt is worth a mark that nobody asked for.

    A first question that will not come back costs more to write to the cache than it saves.
    """
    options = request.get("prompt_cache_options") or _NO_OPTIONS
    if caching == "off" or options.get("mode") == "explicit":
        return False
    if caching == "always":
        return True
    returns = "tools" in document or any(
        turn["role"] == "assistant" for turn in document.get("messages", [])
    )
    return returns and reaches(document, capabilities.cache_minimum)


def _marked(document: MessagesRequest) -> list[Block]:
    """List the blocks that carry a mark, in the order in which upstream reads the prompt."""
    marked = [block for block in document.get("tools", ()) if "cache_control" in block]
    marked += [block for block in document.get("system", ()) if "cache_control" in block]
    for turn in document.get("messages", ()):
        marked += [block for block in turn["content"] if "cache_control" in block]
    return marked


def _add(automatic: Mark, marked: list[Block], document: MessagesRequest, remarks: Remarks) -> None:
    """Add the mark that upstream puts on the last block, unless that block has one already."""
    last = document.get("messages", [])[-1]["content"][-1]
    if "cache_control" in last:
        if automatic.lasts:
            _upgrade(last["cache_control"], remarks)
        return
    holder = cast("dict[str, Any]", document)
    holder["cache_control"] = automatic
    marked.append(holder)


def _remove_excess(marked: list[Block], remarks: Remarks) -> None:
    for block in marked[:-MAX_MARKS]:
        mark: Mark = block.pop("cache_control")
        remarks.warn(
            "cache_mark.excess", mark.path, f"dropped, only the last {MAX_MARKS} marks count"
        )


def _order(marks: list[Mark], remarks: Remarks) -> None:
    """Let no mark live shorter than one after it, which upstream refuses."""
    lasting = [at for at, mark in enumerate(marks) if mark.lasts]
    for mark in marks[: max(lasting, default=0)]:
        _upgrade(mark, remarks)


def _upgrade(mark: Mark, remarks: Remarks) -> None:
    if not mark.lasts:
        mark.lengthen()
        remarks.warn("cache_mark.upgraded", mark.path, f"lives {HOUR}, as a later mark does")
