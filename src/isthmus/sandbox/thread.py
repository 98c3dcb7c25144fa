"""The thread of a conversation: what each thought in it has before it, and what binds it there.

A thought may stand only behind the tools, texts and blocks it was made behind. Of the thoughts
before it some may be gone, but only from the beginning, and none may come back.
"""

from __future__ import annotations

import hashlib
from typing import Any, cast

import msgspec

from isthmus.sandbox.models import Model
from isthmus.sandbox.signature import Bond, name, redact, sign

Document = dict[str, Any]
Block = dict[str, Any]

#: Members of equal objects may come in any order.
_encode = msgspec.json.Encoder(order="deterministic").encode
#: Data of others, in which nothing is ours to leave out.
_OPAQUE = ("input", "input_schema", "input_examples")


class Thread:
    """What a conversation has said so far, block by block.

    ``model`` goes on with it, for ``account``. ``tools``: those the request declares.
    """

    def __init__(self, model: Model, account: str, tools: list[Document]) -> None:
        self._model = model
        self._account = account
        # A tool that is loaded later is no part of the conversation before it is called.
        self._deferred = {tool["name"]: tool for tool in tools if tool.get("defer_loading")}
        self._digest = b""
        self._first: str | None = None
        self._last: str | None = None
        self._thoughts: set[str] = set()

    def say(self, role: str, block: Block) -> None:
        """Go on by a block, or a tool, that is no thought."""
        self._mix([role, _canonical(block)])
        if block.get("type") == "tool_use" and block["name"] in self._deferred:
            self._mix(["tools", _canonical(self._deferred[block["name"]])])

    def think(self, thought: Block) -> None:
        """Go on by a thought."""
        self._last = name(thought)
        self._first = self._first or self._last
        self._thoughts.add(self._last)

    def has(self, bond: Bond) -> bool:
        """Say whether a thought with this bond may come next."""
        if bond.prefix != self._digest.hex():
            return False
        if self._last is None:
            return True
        # What was its first thought is still the first, or has gone together with all before it.
        begins_alike = bond.first == self._first or bond.first not in self._thoughts
        return bond.last == self._last and begins_alike

    def sealed(self, block: Block) -> Block:
        """Go on by a block of the answer, and return it: a thought is signed.

        Its whole text stands where the signature will.
        """
        match block["type"]:
            case "thinking":
                block = {**block, "signature": sign(block["signature"], self._bond())}
                self.think(block)
            case "redacted_thinking":
                block = {**block, "data": redact(block["data"], self._bond())}
                self.think(block)
            case _:
                self.say("assistant", block)
        return block

    def _bond(self) -> Bond:
        prefix = self._digest.hex()
        return Bond(self._model.id, self._account, prefix, self._first, self._last)

    def _mix(self, said: list[object]) -> None:
        self._digest = hashlib.sha256(self._digest + _encode(said)).digest()


def _canonical(value: object) -> object:
    """Give one form to what means the same.

    That is breakpoints or none, null or nothing, a string or one text, and addresses that expire.
    """
    if isinstance(value, list):
        return [_canonical(member) for member in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, object]", value)
    formed = {
        member: held if member in _OPAQUE else _canonical(held)
        for member, held in members.items()
        if held is not None and member != "cache_control"
    }
    content = members.get("content")
    if isinstance(content, str):
        formed["content"] = [{"type": "text", "text": content}]
    if members.get("type") == "url":
        # The query of a signed address changes, the thing it is the address of does not.
        formed["url"] = str(members["url"]).partition("?")[0]
    return formed
