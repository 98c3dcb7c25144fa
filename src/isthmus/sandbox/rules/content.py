"""Content blocks: their members, and where each kind may stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from isthmus.sandbox.errors import invalid
from isthmus.sandbox.rules.fields import require, require_only, require_type
from isthmus.sandbox.rules.server_tools import check_citation, check_result, check_use
from isthmus.sandbox.rules.sources import check_document, check_image
from isthmus.sandbox.signature import is_redacted, is_signed

Document = dict[str, Any]
Block = dict[str, Any]

_MOST_MESSAGES = 100_000
#: Members of each kind of block a request may hold, beside its type.
_MEMBERS: dict[str, frozenset[str]] = {
    "text": frozenset({"text", "cache_control", "citations"}),
    "image": frozenset({"source", "cache_control", "transformations"}),
    "document": frozenset({"source", "title", "context", "citations", "cache_control"}),
    "search_result": frozenset({"source", "title", "content", "citations", "cache_control"}),
    "thinking": frozenset({"thinking", "signature"}),
    "redacted_thinking": frozenset({"data"}),
    "tool_use": frozenset({"id", "name", "input", "cache_control", "caller", "toolset_name"}),
    "tool_result": frozenset(
        {"tool_use_id", "content", "is_error", "cache_control", "toolset_name"}
    ),
    "server_tool_use": frozenset({"id", "name", "input", "cache_control", "caller"}),
    "web_search_tool_result": frozenset({"tool_use_id", "content", "cache_control", "caller"}),
}
_ONLY_ASSISTANT = (
    *("thinking", "redacted_thinking", "tool_use"),
    *("server_tool_use", "web_search_tool_result"),
)
_ONLY_USER = ("tool_result",)
_IN_RESULT = ("text", "image", "document", "search_result")
_IN_DOCUMENT = ("text", "image")
_EMPTY = "text content blocks must be non-empty"


def check(document: Document, version: str) -> None:
    """Check the system text and every block of every message."""
    system: str | list[Any] = document.get("system", [])
    for at, block in enumerate([] if isinstance(system, str) else system):
        path = f"system.{at}"
        require_type(path, block, (dict,))
        if require(path, block, "type", (str,)) != "text":
            raise invalid(path, "system blocks must be text")
        _check_block(path, block)
    if not document["messages"]:
        raise invalid("messages", "at least one message is required")
    if len(document["messages"]) > _MOST_MESSAGES:
        raise invalid("messages", f"List should have at most {_MOST_MESSAGES} items")
    for at, message in enumerate(document["messages"]):
        path = f"messages.{at}"
        require_type(path, message, (dict,))
        require_only(path, message, ("role", "content"))
        role = require(path, message, "role", (str,))
        if role not in ("user", "assistant", "system"):
            raise invalid(f"{path}.role", "Input should be 'user', 'assistant' or 'system'")
        require(path, message, "content", (str, list))
        for place, block in _blocks(path, message):
            _check_block(place, block)
            _check_place(place, block, role, version)


def _blocks(path: str, message: Document) -> Iterator[tuple[str, Block]]:
    content = message["content"]
    if isinstance(content, str):
        if not content:
            raise invalid("messages", _EMPTY)
        return
    if not content:
        raise invalid(f"{path}.content", "at least one content block is required")
    for at, block in enumerate(content):
        place = f"{path}.content.{at}"
        require_type(place, block, (dict,))
        yield place, block


def _check_block(path: str, block: Block) -> None:
    kind = require(path, block, "type", (str,))
    if kind not in _MEMBERS:
        raise invalid(f"{path}.type", f"Input tag '{kind}' found using 'type' does not match")
    require_only(path, block, _MEMBERS[kind] | {"type"})
    check_kind = _KINDS.get(kind)
    if check_kind is not None:
        check_kind(path, block)


def _check_place(path: str, block: Block, role: str, version: str) -> None:
    kind = block["type"]
    if kind in _ONLY_ASSISTANT and role != "assistant":
        raise invalid(path, f"`{kind}` blocks can only be in `assistant` messages")
    if kind in _ONLY_USER and role != "user":
        raise invalid(path, f"`{kind}` blocks can only be in `user` messages")
    if role == "system" and kind != "text":
        raise invalid(path, "system messages can only contain text")
    if version == "2026-10-21":
        _check_current(path, block, role)


def _check_current(path: str, block: Block, role: str) -> None:
    """Check what the newer version of the API no longer takes."""
    kind = block["type"]
    if kind == "document" and role == "assistant":
        raise invalid(path, "`document` blocks cannot be in `assistant` messages")
    texts: list[Block] = block["content"] if kind == "search_result" else []
    texts = [block] if kind == "text" else texts
    if role == "user" and any(text.get("citations") for text in texts):
        raise invalid(f"{path}.citations", "not allowed on `text` blocks in `user` messages")


def _check_text(path: str, block: Block) -> None:
    if not require(path, block, "text", (str,)):
        # Upstream names the member of the request here, not the block.
        raise invalid(path.partition(".")[0], _EMPTY)
    citations: list[Block] = block.get("citations") or []
    require_type(f"{path}.citations", citations, (list,))
    for at, citation in enumerate(citations):
        check_citation(f"{path}.citations.{at}", citation)


def _check_document(path: str, block: Block) -> None:
    check_document(path, block)
    for name in ("title", "context"):
        require_type(f"{path}.{name}", block.get(name) or "", (str,))
    _check_citing(path, block)
    content: str | list[Any] = block["source"].get("content", "")
    _check_inner(f"{path}.source", content, _IN_DOCUMENT)


def _check_search_result(path: str, block: Block) -> None:
    for name in ("source", "title"):
        require(path, block, name, (str,))
    _check_citing(path, block)
    _check_inner(path, require(path, block, "content", (list,)), ("text",))


def _check_citing(path: str, block: Block) -> None:
    """Check whether a block is to be cited: that is an object where it is given, not a list."""
    citing: Block = {} if block.get("citations") is None else block["citations"]
    require_only(f"{path}.citations", citing, ("enabled",))
    require_type(f"{path}.citations.enabled", citing.get("enabled", False), (bool,))


def _check_thinking(path: str, block: Block) -> None:
    shown = require(path, block, "thinking", (str,))
    if not is_signed(shown, require(path, block, "signature", (str,))):
        raise invalid(path, "Invalid `signature` in `thinking` block")


def _check_redacted(path: str, block: Block) -> None:
    if not is_redacted(require(path, block, "data", (str,))):
        raise invalid(path, "Invalid `data` in `redacted_thinking` block")


def _check_tool_use(path: str, block: Block) -> None:
    require(path, block, "id", (str,))
    require(path, block, "name", (str,))
    require(path, block, "input", (dict,))


def _check_tool_result(path: str, block: Block) -> None:
    require(path, block, "tool_use_id", (str,))
    require_type(f"{path}.is_error", block.get("is_error", False), (bool,))
    content = block.get("content", "")
    require_type(f"{path}.content", content, (str, list))
    _check_inner(path, content, _IN_RESULT)


def _check_inner(path: str, content: str | list[Any], allowed: tuple[str, ...]) -> None:
    """Check the blocks inside a block."""
    for at, part in enumerate([] if isinstance(content, str) else content):
        place = f"{path}.content.{at}"
        require_type(place, part, (dict,))
        kind = require(place, part, "type", (str,))
        if kind not in allowed:
            raise invalid(f"{place}.type", f"Input tag '{kind}' does not match")
        _check_block(place, part)


_KINDS: dict[str, Callable[[str, Block], None]] = {
    "text": _check_text,
    "image": check_image,
    "document": _check_document,
    "search_result": _check_search_result,
    "thinking": _check_thinking,
    "redacted_thinking": _check_redacted,
    "tool_use": _check_tool_use,
    "tool_result": _check_tool_result,
    "server_tool_use": check_use,
    "web_search_tool_result": check_result,
}
