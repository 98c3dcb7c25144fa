"""A request that upstream refuses for its thinking, once more without any."""

from __future__ import annotations

from typing import cast

from isthmus.errors import UpstreamRefused
from isthmus.translate.to_messages.thinking import thoughts
from isthmus.wire.messages.documents import MessagesRequest, Turn

_REFUSALS = ("Invalid `signature` in `thinking` block", "bound to a different conversation")


def repaired(error: UpstreamRefused, document: MessagesRequest) -> MessagesRequest | None:
    """Return the request without the thinking of earlier turns; None where that cannot help.

    Leaving out all of it is always allowed; which block is to blame need not be known. A model that
    thinks on a budget wants the turn of a tool loop to begin with its thinking, or not to think.
    """
    if error.upstream_status != 400 or not any(words in error.message for words in _REFUSALS):
        return None
    turns = [_without_thoughts(turn) for turn in document.get("messages", [])]
    if turns == document.get("messages"):
        return None
    fixed = cast("MessagesRequest", {**document, "messages": [t for t in turns if t["content"]]})
    thinking = {k: v for k, v in document.get("thinking", {}).items() if k != "block_binding"}
    if thinking.get("type") == "enabled":
        thinking = {"type": "disabled"}
    if thinking:
        fixed["thinking"] = thinking
    return fixed


def _without_thoughts(turn: Turn) -> Turn:
    if turn["role"] != "assistant":
        return turn
    found = thoughts(turn["content"])
    return {"role": "assistant", "content": [b for b in turn["content"] if b not in found]}
