"""Content blocks of Messages become parts of chat messages."""

from __future__ import annotations

from typing import NamedTuple, cast

from isthmus.call import ChatCapabilities, ChatDialect
from isthmus.errors import InvalidRequest
from isthmus.translate.messages_over_chat import documents
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import Block

#: Between texts that have to become one.
SEPARATOR = "\n\n"
#: Blocks that refer to what only Claude's own service holds.
_NOT_HERE = frozenset({"browser_state", "container_upload"})
#: How long a mark of each lifetime lives at least; without one it is the vendor's default.
_LIFETIMES = {"1h": "12h"}


class Placed(NamedTuple):
    """A block, and where it stands in the caller's document."""

    path: str
    block: Block


class Means(NamedTuple):
    """What a translation may use, and whom it tells what it did."""

    capabilities: ChatCapabilities
    remarks: Remarks

    @property
    def dialect(self) -> ChatDialect:
        """How the vendor spells things."""
        return self.capabilities.dialect


def placed(content: str | list[Block] | None, path: str) -> list[Placed]:
    """Return content as blocks with their places."""
    if isinstance(content, str):
        return [Placed(path, {"type": "text", "text": content})] if content else []
    return [Placed(f"{path}[{index}]", block) for index, block in enumerate(content or [])]


def text_part(text: str) -> Part:
    """Make a text part."""
    return {"type": "text", "text": text}


def parts(blocks: list[Placed], means: Means) -> list[Part]:
    """Translate blocks in order; empty texts and what no vendor knows are left out.

    Raises:
        InvalidRequest: a block that cannot be carried, named by its path.
    """
    translated: list[Part] = []
    for each in blocks:
        part = _part(each, means)
        if part is not None:
            translated.append(_marked(part, each.block, means))
    return translated


def as_content(translated: list[Part], dialect: ChatDialect) -> str | list[Part]:
    """Write parts as content: one text, or texts that may not stay apart, become a string."""
    only_texts = all(part["type"] == "text" for part in translated)
    if only_texts and not dialect.text_parts:
        return SEPARATOR.join(part["text"] for part in translated)
    if len(translated) == 1 and translated[0].keys() == {"type", "text"}:
        return cast("str", translated[0]["text"])
    return translated


def note_mark(block: Block, means: Means) -> None:
    """Say that a mark for the prompt cache, which stands on ``block``, goes no further."""
    if block.get("cache_control"):
        means.remarks.warn("cache_control.dropped", "cache_control", "dropped, not known upstream")


def _part(each: Placed, means: Means) -> Part | None:
    path, block = each
    match block["type"]:
        case "text":
            return text_part(block["text"]) if block["text"] else None
        case "image":
            return documents.image(block, path, means.capabilities)
        case "document":
            return documents.document(block, path, means.capabilities)
        case "search_result":
            return text_part(_search_result(block))
        case "tool_reference":
            return text_part(f"The tool {block.get('tool_name', '')} is available.")
        case kind if kind in _NOT_HERE:
            raise InvalidRequest(
                f"'{path}': '{kind}' needs what only Claude's own service holds.",
                param=path,
                code="unsupported_value",
            )
        case kind:
            means.remarks.warn("block.dropped", path, f"'{kind}' dropped, unknown upstream")
            return None


def _search_result(block: Block) -> str:
    texts = [part["text"] for part in block["content"] if part.get("type") == "text"]
    return SEPARATOR.join([f"{block['title']}\n{block['source']}", *texts])


def _marked(part: Part, block: Block, means: Means) -> Part:
    mark = block.get("cache_control")
    if not mark or not means.dialect.cache_marks:
        note_mark(block, means)
        return part
    breakpoint_: Part = {"mode": "explicit"}
    if mark.get("ttl") in _LIFETIMES:
        breakpoint_["ttl"] = _LIFETIMES[mark["ttl"]]
    return {**part, "prompt_cache_breakpoint": breakpoint_}
