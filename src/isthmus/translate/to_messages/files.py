"""Files that a message brings along become documents: PDF as it is, text as text.

Nothing is uploaded or kept, so a file comes with its request: as a data URL, which names the media
type, or, for PDF and images, as bare base64.
"""

from __future__ import annotations

from isthmus.errors import InvalidRequest
from isthmus.translate.to_messages.base64_data import decoded, is_data_url, taken_apart
from isthmus.translate.to_messages.images import image_of, kind_of
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import Block

_PDF = "application/pdf"
_PDF_MAGIC = b"%PDF-"
#: Where a file that says it is PDF may begin to be one; readers skip what stands before.
_PDF_HEAD = 1024
#: Media types that are text although they do not begin with `text/`.
_TEXTS = frozenset(
    {
        *("application/json", "application/ld+json", "application/x-ndjson", "application/jsonl"),
        *("application/xml", "application/xhtml+xml", "application/csv", "application/sql"),
        *("application/yaml", "application/x-yaml", "application/toml", "application/x-sh"),
        *("application/javascript", "application/x-javascript", "application/typescript"),
    }
)


def file_block(file: Part, path: str) -> Block:
    """Translate the ``file`` of a part, which stands at ``path``.

    Raises:
        InvalidRequest: a file that is not here, is broken, or is neither PDF, text nor an image.
    """
    if file.get("file_id"):
        raise InvalidRequest(
            f"'{path}.file_id': no files are kept here; send the file itself as 'file_data'.",
            param=f"{path}.file_id",
            code="unsupported_value",
        )
    where, data = f"{path}.file_data", file.get("file_data")
    if not data:
        raise InvalidRequest(
            f"Missing required parameter: '{where}'.",
            param=where,
            code="missing_required_parameter",
        )
    declared, encoded = taken_apart(data, where) if is_data_url(data) else ("", data)
    block = _block(declared, encoded, where)
    if file.get("filename") and block["type"] == "document":
        block["title"] = file["filename"]
    return block


def _block(declared: str, encoded: str, path: str) -> Block:
    content = decoded(encoded, path)
    if _is_pdf(content, declared):
        return _document({"type": "base64", "media_type": _PDF, "data": encoded})
    if _is_text(declared):
        return _document({"type": "text", "media_type": "text/plain", "data": _text(content, path)})
    if declared.startswith("image/") or kind_of(content):
        return image_of(declared, encoded, path)
    raise InvalidRequest(
        f"'{path}': files must be PDF, text or images{_said(declared)}.",
        param=path,
        code="unsupported_value",
    )


def _document(source: Block) -> Block:
    return {"type": "document", "source": source}


def _is_pdf(content: bytes, declared: str) -> bool:
    if content.startswith(_PDF_MAGIC):
        return True
    return declared == _PDF and _PDF_MAGIC in content[:_PDF_HEAD]


def _is_text(declared: str) -> bool:
    return declared.startswith("text/") or declared in _TEXTS


def _text(content: bytes, path: str) -> str:
    """Decode the text of a file.

    Raises:
        InvalidRequest: it is empty, or not UTF-8.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"'{path}': the text is not UTF-8 (byte {error.start}).", param=path
        ) from None
    if not text:
        raise InvalidRequest(f"'{path}': the file is empty.", param=path)
    return text


def _said(declared: str) -> str:
    if not declared:
        return "; a data URL names the media type, bare base64 is taken for PDF and images only"
    if declared == _PDF:
        return ", and this is no PDF"
    return f", not '{declared}'"
