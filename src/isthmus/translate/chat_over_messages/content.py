"""Content parts of chat messages become Messages content blocks."""

from __future__ import annotations

from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.files import file_block
from isthmus.translate.to_messages.images import image, warn_of_detail
from isthmus.translate.to_messages.marks import put_last, written
from isthmus.translate.to_messages.turns import text_block
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import Block


def blocks(
    content: str | list[Part] | None,
    path: str,
    remarks: Remarks,
    *,
    marks_onto: Block | None = None,
) -> list[Block]:
    """Translate a message's content, in order; parts with empty text are left out.

    Cache marks stand on the blocks of their parts, or all on ``marks_onto``.

    Raises:
        InvalidRequest: a part that cannot be carried, named by its path.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [text_block(content)] if content else []
    translated: list[Block] = []
    for index, part in enumerate(content):
        where = f"{path}[{index}]"
        block = _block(part, where, remarks)
        if block is not None:
            translated.append(block)
        markable = translated if marks_onto is None else [marks_onto]
        put_last(written(part, where, remarks), markable, remarks)
    return translated


def _block(part: Part, path: str, remarks: Remarks) -> Block | None:
    match part["type"]:
        case "text":
            return text_block(part["text"]) if part["text"] else None
        case "refusal":
            return text_block(part["refusal"]) if part["refusal"] else None
        case "image_url":
            asked, where = part["image_url"], f"{path}.image_url"
            warn_of_detail(asked.get("detail"), f"{where}.detail", remarks)
            return image(asked["url"], f"{where}.url")
        case "input_audio":
            raise InvalidRequest(
                f"'{path}': Claude does not take audio.", param=path, code="unsupported_modality"
            )
        case _:  # the shape lets nothing else through
            return file_block(part["file"], f"{path}.file")
