"""Finding an earlier answer again by what its client shows of it.

Most clients bring back the text and the calls of an assistant message and nothing else. Each such
message is known by a digest of the whole visible conversation up to and including it, so the same
words in another conversation are another message. What a client may change without meaning anything
by it is not in the digest: members it does not know, null for empty, a text as one part, the
spacing of arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, cast

import msgspec
from msgspec import Raw

from isthmus.wire import json
from isthmus.wire.chat.documents import ChatMessage, Part, ToolCall
from isthmus.wire.messages.documents import Block

_SIZE = 24
_MARKS = frozenset({"cache_control", "prompt_cache_breakpoint"})

#: What is known of earlier answers, by the index of their message: the content as upstream gave it,
#: thinking and all; nothing in it: that answer had no thinking.
Recalled = Mapping[int, list[Block]]


class Visible:
    """Digests of a conversation, message by message, as far as clients are sure to show it."""

    def __init__(self, messages: list[ChatMessage]) -> None:
        #: The digest of each assistant message, by its index; empty ones have none.
        self.digests: dict[int, bytes] = {}
        self._hash = blake2b(digest_size=_SIZE)
        for index, message in enumerate(messages):
            if self._add(message):
                self.digests[index] = self._hash.digest()

    def answered(self, message: ChatMessage) -> bytes | None:
        """Return the digest of an answer to the conversation; None where nothing of it shows."""
        hash_before = self._hash.copy()
        digest = self._hash.digest() if self._add(message) else None
        self._hash = hash_before
        return digest

    def _add(self, message: ChatMessage) -> bool:
        """Take a message; say whether it is an assistant's that shows something."""
        if message["role"] != "assistant":
            self._hash.update(_encoded(_of_others(message)))
            return False
        text, calls = _said(message), [_call(call) for call in message.get("tool_calls") or ()]
        if not text and not calls:
            return False
        self._hash.update(_encoded(["assistant", text, calls]))
        return True


def _of_others(message: ChatMessage) -> list[Any]:
    role = "system" if message["role"] == "developer" else message["role"]
    content = message.get("content") or []
    parts = [["text", content]] if isinstance(content, str) else [_part(p) for p in content]
    return [role, message.get("tool_call_id"), parts]


def _part(part: Part) -> list[Any]:
    if part["type"] == "text":
        return ["text", part["text"]]
    return [part["type"], {name: part[name] for name in part if name not in _MARKS}]


def _said(message: ChatMessage) -> str:
    content = message.get("content") or ""
    if not isinstance(content, str):
        content = "".join(part.get("text") or part.get("refusal") or "" for part in content)
    return content + (message.get("refusal") or "")


def _call(call: ToolCall) -> list[Any]:
    if call["type"] == "custom":
        return [call["id"], call["custom"]["name"], call["custom"]["input"]]
    function = call["function"]
    try:
        arguments: object = json.decode(function["arguments"].encode() or b"{}")
    except (json.MalformedJSON, UnicodeEncodeError):
        arguments = function["arguments"]
    return [call["id"], function["name"], arguments]


def _encoded(document: list[Any]) -> bytes:
    return msgspec.json.encode(document, order="sorted") + b"\n"


def kept(content: list[Block]) -> bytes:
    """Write an answer's content down, for `restored` to read."""
    return json.encode(content)


def restored(written: bytes) -> list[Block]:
    """Read what `kept` has written; the inputs of calls stay the text they were."""
    blocks: list[Block] = []
    for raw in msgspec.json.decode(written, type=list[dict[str, Raw]]):
        block: Block = {}
        for name, value in raw.items():
            is_input = name == "input" and bytes(value)[:1] == b"{"
            block[name] = Raw(bytes(value)) if is_input else json.decode(bytes(value))
        blocks.append(block)
    return blocks


def worth_keeping(content: list[Block]) -> bool:
    """Say whether a client's view of an answer leaves out what upstream wants to see again."""
    return any(block.get("type") not in ("text", "tool_use") for block in content)


def as_message(completion: Mapping[str, Any]) -> ChatMessage:
    """Return the message of a completion, as a client would send it back."""
    return cast("ChatMessage", completion["choices"][0]["message"])
