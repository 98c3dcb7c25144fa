"""Signed thinking that a client brings back is put where it stood.

A block goes back byte for byte as it came, or not at all: a bare ``reasoning_content`` carries no
signature, and a block made up from it would be a forgery.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isthmus.call import Capabilities
from isthmus.translate.chat_over_messages.memory import Memory
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.thinking import thoughts
from isthmus.wire.chat.documents import ChatMessage, Part
from isthmus.wire.messages.documents import Block

FORMAT = "anthropic-claude-v1"
_TEXT = "reasoning.text"
_ENCRYPTED = "reasoning.encrypted"


class Reasoning:
    """Puts thinking back into the assistant turns of one request.

    What the client brings back comes first, then what is ``recalled`` (None: nothing ever is), else
    the turn goes without. On models that check what stood before a thought, one that is gone for
    good takes all that came before it along: what is left must be one unbroken run, the newest.
    """

    def __init__(
        self,
        messages: list[ChatMessage],
        capabilities: Capabilities,
        memory: Memory,
        remarks: Remarks,
    ) -> None:
        self._recalled = memory.recalled or {}
        self._remarks = remarks
        only_from = memory.account if capabilities.account_bound else None
        self._echoed = {
            index: _rebuilt(message, only_from)
            for index, message in enumerate(messages)
            if message["role"] == "assistant"
        }
        self._newest_gap = -1
        if self._echoed and capabilities.prefix_check != "none":
            echoed, recalled = self._echoed.items(), self._recalled
            lost = [index for index, echo in echoed if echo is None and index not in recalled]
            self._newest_gap = max(lost, default=-1)

    def content(self, index: int, message: ChatMessage, visible: list[Block]) -> list[Block]:
        """Return the content of a turn that shows ``visible``."""
        path = f"messages[{index}]"
        echoed, recalled = self._echoed.get(index), self._recalled.get(index)
        if index < self._newest_gap:
            if echoed or message.get("reasoning_details"):
                self._drop(path, "before_gap", "dropped, later thinking is missing")
            return visible
        if recalled and (not echoed or [block for _, block in echoed] == thoughts(recalled)):
            return _marked(recalled, visible)
        if echoed:
            merged = list(visible)
            for position, block in sorted(echoed, key=lambda item: item[0]):
                merged.insert(min(position, len(merged)), block)
            return merged
        if message.get("reasoning_details") or message.get("thinking_blocks"):
            self._drop(path, "dropped", "dropped, it holds no signed thinking of Claude")
        elif message.get("reasoning_content"):
            self._remarks.warn(
                "reasoning_content.dropped",
                f"{path}.reasoning_content",
                "dropped, thinking without its signature cannot go back",
            )
        return visible

    def _drop(self, path: str, why: str, text: str) -> None:
        self._remarks.warn(f"reasoning_details.{why}", f"{path}.reasoning_details", text)


def _marked(recalled: list[Block], visible: list[Block]) -> list[Block]:
    """Carry a cache mark of the visible blocks over to what stands for them."""
    marks = [block["cache_control"] for block in visible if "cache_control" in block]
    if not marks:
        return recalled
    content = list(recalled)
    for position in range(len(content) - 1, -1, -1):
        if content[position].get("type") in ("text", "tool_use"):
            content[position] = {**content[position], "cache_control": marks[-1]}
            break
    return content


def _rebuilt(message: ChatMessage, only_from: str | None) -> list[tuple[int, Block]] | None:
    """Make blocks, each with its place, of what the client brings back; None: nothing usable.

    Pieces of the same index are joined, for some clients bring them back as they came.
    """
    details = message.get("reasoning_details")
    if not details:
        return _given_as_blocks(message)
    entries: dict[Any, Part] = {}
    for piece in details:
        entry = entries.setdefault(piece.get("index"), {})
        for member, value in piece.items():
            if member == "text" and isinstance(value, str):
                entry["text"] = entry.get("text", "") + value
            elif value is not None:
                entry[member] = value
    blocks: list[tuple[int, Block]] = []
    for ordinal, entry in enumerate(entries.values()):
        block, (position, account) = _block(entry), _place(entry, ordinal)
        if block is None or (only_from is not None and account not in (None, only_from)):
            return None
        blocks.append((position, block))
    return blocks


def _given_as_blocks(message: ChatMessage) -> list[tuple[int, Block]] | None:
    """Read ``thinking_blocks``, which are Claude's own as some libraries keep them."""
    given = message.get("thinking_blocks")
    if not given:
        return None
    blocks: list[tuple[int, Block]] = []
    for position, block in enumerate(given):
        match block:
            case {"type": "thinking", "thinking": str(text), "signature": str(signature)}:
                made: Block = {"type": "thinking", "thinking": text, "signature": signature}
            case {"type": "redacted_thinking", "data": str(data)}:
                made = {"type": "redacted_thinking", "data": data}
            case _:
                return None
        blocks.append((position, made))
    return blocks


def _block(entry: Part) -> Block | None:
    if entry.get("format") != FORMAT:
        return None
    signature, text, data = entry.get("signature"), entry.get("text", ""), entry.get("data")
    if entry.get("type") == _TEXT and isinstance(signature, str) and isinstance(text, str):
        return {"type": "thinking", "thinking": text, "signature": signature}
    if entry.get("type") == _ENCRYPTED and isinstance(data, str):
        return {"type": "redacted_thinking", "data": data}
    return None


def _place(entry: Part, ordinal: int) -> tuple[int, str | None]:
    """Read the block's position, and the account it belongs to, out of the entry's id."""
    mark, _, place = str(entry.get("id", "")).partition("-")
    position, _, account = place.partition("-")
    if mark != "block" or not position.isdecimal():
        return ordinal, None
    return int(position), account or None


def account_of(messages: Sequence[ChatMessage]) -> str | None:
    """Return the word for the account that the newest thinking brought back belongs to."""
    for message in reversed(messages):
        for entry in message.get("reasoning_details") or ():
            _, account = _place(entry, 0)
            if account is not None:
                return account
    return None


def opening(index: int, position: int, account: str = "") -> Part:
    """Begin an entry of ``reasoning_details``: what every later piece of it leaves out.

    ``account``: where only that one can read it again.

    Clients join pieces by ``index`` and add strings together, so a constant may be said only once.
    """
    place = f"block-{position}-{account}" if account else f"block-{position}"
    return {"type": _TEXT, "id": place, "format": FORMAT, "index": index}


def encrypted(data: str, index: int, position: int, account: str = "") -> Part:
    """Make the entry of a redacted block."""
    return {**opening(index, position, account), "type": _ENCRYPTED, "data": data}
