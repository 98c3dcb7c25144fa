"""Images and documents of a Messages request: passed on as they came, never fetched."""

from __future__ import annotations

from isthmus.call import ChatCapabilities
from isthmus.errors import InvalidRequest
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import Block

_PDF = "application/pdf"
_UNTITLED = "document.pdf"


def image(block: Block, path: str, capabilities: ChatCapabilities) -> Part:
    """Translate an image, which stands at ``path``.

    Raises:
        InvalidRequest: the model takes none, or the image is kept elsewhere.
    """
    if not capabilities.image_input:
        raise _refused(path, "this model takes no images")
    source: Block = block["source"]
    match source["type"]:
        case "url":
            url = source["url"]
        case "base64":
            url = f"data:{source['media_type']};base64,{source['data']}"
        case kind:
            raise _refused(f"{path}.source", f"images of source '{kind}' are not kept here")
    return {"type": "image_url", "image_url": {"url": url}}


def document(block: Block, path: str, capabilities: ChatCapabilities) -> Part:
    """Translate a document, which stands at ``path``: a PDF becomes a file, the rest text.

    Raises:
        InvalidRequest: the model takes no PDF, or the document would have to be fetched.
    """
    source: Block = block["source"]
    match source["type"]:
        case "text":
            return _titled(block, source["data"])
        case "content":
            return _titled(block, _text_of(source["content"], f"{path}.source.content"))
        case "base64" if source["media_type"] == _PDF and capabilities.pdf_input:
            name = block.get("title") or _UNTITLED
            data = f"data:{_PDF};base64,{source['data']}"
            return {"type": "file", "file": {"filename": name, "file_data": data}}
        case "base64":
            raise _refused(path, f"this model takes no documents of '{source['media_type']}'")
        case kind:
            raise _refused(f"{path}.source", f"documents of source '{kind}' are not fetched here")


def _titled(block: Block, text: str) -> Part:
    head = [block.get("title"), block.get("context"), text]
    return {"type": "text", "text": "\n\n".join(filter(None, head))}


def _text_of(content: str | list[Block], path: str) -> str:
    if isinstance(content, str):
        return content
    for index, part in enumerate(content):
        if part["type"] != "text":
            raise _refused(f"{path}[{index}]", "only text is taken inside of a document")
    return "\n\n".join(part["text"] for part in content)


def _refused(path: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"'{path}': {why}.", param=path, code="unsupported_value")
