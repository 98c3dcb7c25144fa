"""Content parts of Responses items become Messages content blocks."""

from __future__ import annotations

from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.files import file_block
from isthmus.translate.to_messages.images import image, warn_of_detail
from isthmus.translate.to_messages.marks import put_last, written
from isthmus.translate.to_messages.turns import text_block
from isthmus.wire.messages.documents import Block
from isthmus.wire.responses.documents import Part


def blocks(
    content: str | list[Part],
    path: str,
    remarks: Remarks,
    *,
    marks_onto: Block | None = None,
) -> list[Block]:
    """Translate what an item holds, in order; parts with empty text are left out.

    Cache marks stand on the blocks of their parts, or all on ``marks_onto``.

    Raises:
        InvalidRequest: a part that cannot be carried, named by its path.
    """
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
        case "input_text" | "output_text":
            return text_block(part["text"]) if part["text"] else None
        case "refusal":
            return text_block(part["refusal"]) if part["refusal"] else None
        case "input_image":
            return _image(part, path, remarks)
        case "input_file":
            warn_of_detail(part.get("detail"), f"{path}.detail", remarks)
            return _file(part, path)
        case _:  # the shape lets nothing else through
            raise InvalidRequest(
                f"'{path}': Claude does not take audio.", param=path, code="unsupported_modality"
            )


def _image(part: Part, path: str, remarks: Remarks) -> Block:
    warn_of_detail(part.get("detail"), f"{path}.detail", remarks)
    url: str | None = part.get("image_url")
    if url:
        return image(url, f"{path}.image_url")
    if part.get("file_id"):
        raise InvalidRequest(
            f"'{path}.file_id': no files are kept here; send the image itself as 'image_url'.",
            param=f"{path}.file_id",
            code="unsupported_value",
        )
    raise InvalidRequest(
        f"Missing required parameter: '{path}.image_url'.",
        param=f"{path}.image_url",
        code="missing_required_parameter",
    )


def _file(part: Part, path: str) -> Block:
    """Translate a file; one that has a URL is never fetched here."""
    url: str | None = part.get("file_url")
    if not url:
        return file_block(part, path)
    if not url[:8].lower().startswith(("http://", "https://")):
        raise InvalidRequest(f"'{path}.file_url' must be an http(s) URL.", param=f"{path}.file_url")
    block: Block = {"type": "document", "source": {"type": "url", "url": url}}
    if part.get("filename"):
        block["title"] = part["filename"]
    return block
