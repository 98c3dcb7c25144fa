"""Images: never fetched. A URL goes to the upstream as a URL, data is checked and passed on."""

from __future__ import annotations

from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.base64_data import decoded, is_data_url, taken_apart
from isthmus.wire.messages.documents import Block

#: Upstream's limit for one image, as base64 text.
MAX_IMAGE = 10 * 1024 * 1024
_MEDIA_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_SAME_AS = {"image/jpg": "image/jpeg"}
#: How files of each type begin; for data URLs that name no type, or a wrong one.
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def image(url: str, path: str) -> Block:
    """Make a block of the image at ``url``, which stands at ``path``.

    Raises:
        InvalidRequest: a scheme, a type or a size that upstream does not take.
    """
    if url[:8].lower().startswith(("http://", "https://")):
        return {"type": "image", "source": {"type": "url", "url": url}}
    if is_data_url(url):
        return image_of(*taken_apart(url, path), path)
    raise InvalidRequest(f"'{path}' must be an http(s) URL or a base64 data URL.", param=path)


def image_of(declared: str, data: str, path: str) -> Block:
    """Make a block of base64 ``data``; its bytes count more than the media type declared.

    Raises:
        InvalidRequest: too large, not base64, or no type that upstream takes.
    """
    if len(data) > MAX_IMAGE:
        raise InvalidRequest(f"'{path}': an image may have at most 10 MB.", param=path)
    media_type = kind_of(decoded(data, path)) or _SAME_AS.get(declared, declared)
    if media_type not in _MEDIA_TYPES:
        raise InvalidRequest(
            f"'{path}': images must be JPEG, PNG, GIF or WebP, not '{media_type}'.", param=path
        )
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def kind_of(content: bytes) -> str | None:
    """Return the media type that an image's own first bytes tell; None for anything else."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)


def warn_of_detail(detail: object, path: str, remarks: Remarks) -> None:
    """Say that a resolution cannot be chosen; ``auto`` chooses none."""
    if detail not in (None, "auto"):
        remarks.warn("image.detail.dropped", path, "dropped, Claude has no such choice")
