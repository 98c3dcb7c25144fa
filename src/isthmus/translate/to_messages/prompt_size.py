"""A rough idea of how long a prompt is, for deciding what is worth caching and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.wire import json
from isthmus.wire.messages.documents import Block, MessagesRequest

#: English and code have about four bytes of UTF-8 to the token.
_BYTES_PER_TOKEN = 4
#: What an image of about a megapixel takes, and a PDF of one page: their bytes do not tell.
_TOKENS = {"image": 1_000, "document": 2_000}


def reaches(document: MessagesRequest, tokens: int) -> bool:
    """Say whether the prompt has about ``tokens`` or more, reading no more than that takes."""
    missing = tokens * _BYTES_PER_TOKEN
    for size in _sizes(document):
        missing -= size
        if missing <= 0:
            return True
    return False


def _sizes(document: MessagesRequest) -> Iterator[int]:
    for block in document.get("system", []):
        yield _size(block)
    for turn in document.get("messages", []):
        for block in turn["content"]:
            yield _size(block)
    for tool in document.get("tools", []):
        yield len(json.encode(tool))


def _size(block: Block) -> int:
    """Return the bytes of a block's text, or as many as would take the same tokens."""
    match block["type"]:
        case "text":
            return _text_size(block["text"])
        case "document" if block["source"]["type"] == "text":
            return _text_size(block["source"]["data"])
        case "image" | "document" as kind:
            return _TOKENS[kind] * _BYTES_PER_TOKEN
        case "tool_result" if isinstance(block.get("content"), list):
            return sum(_size(inner) for inner in block["content"])
        case "tool_result":
            return _text_size(block.get("content", ""))
        case _:
            return len(json.encode(block))


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
