"""Results of tools: one ``tool`` message each, and what such a message cannot hold after it."""

from __future__ import annotations

from msgspec import Struct, field

from isthmus.translate.messages_over_chat.content import (
    Means,
    Placed,
    as_content,
    note_mark,
    parts,
    placed,
    text_part,
)
from isthmus.translate.tool_ids import accepted
from isthmus.wire.chat.documents import Part

_ERROR = "[tool error] "
_EMPTY = "(no output)"
_WORDS = {"image_url": "image", "file": "document"}


class Result(Struct):
    """One result. ``attached`` are parts for the user message that follows all results."""

    message: Part
    attached: list[Part] = field(default_factory=list[Part])


def result(each: Placed, means: Means) -> Result:
    """Translate a ``tool_result`` block.

    Raises:
        InvalidRequest: it holds what cannot be carried.
    """
    path, block = each
    note_mark(block, means)
    call_id = accepted(block["tool_use_id"], means.dialect.longest_call_id)
    held = _without_unseen(placed(block.get("content"), f"{path}.content"), means)
    texts: list[Part] = []
    attached: list[Part] = []
    for part in parts(held, means):
        if part["type"] == "text":
            texts.append(part)
            continue
        word = _WORDS[part["type"]]
        texts.append(text_part(f"[{word}: it follows the results of the tools]"))
        attached += [text_part(f"[{word} of the result of {call_id}]"), part]
    if block.get("is_error"):
        texts = _as_error(texts)
    content = as_content(texts, means.dialect) if texts else _EMPTY
    return Result({"role": "tool", "tool_call_id": call_id, "content": content}, attached)


def _as_error(texts: list[Part]) -> list[Part]:
    if not texts:
        return [text_part(f"{_ERROR}{_EMPTY}")]
    return [{**texts[0], "text": f"{_ERROR}{texts[0]['text']}"}, *texts[1:]]


def _without_unseen(held: list[Placed], means: Means) -> list[Placed]:
    """Leave out images for a model that takes none: its tools bring them without being asked."""
    if means.capabilities.image_input:
        return held
    return [_as_seen(each, means) for each in held]


def _as_seen(each: Placed, means: Means) -> Placed:
    if each.block["type"] != "image":
        return each
    means.remarks.warn(
        "tool_result.image.dropped", each.path, "dropped, this model takes no images"
    )
    return Placed(each.path, text_part("[image: this model cannot see it]"))
