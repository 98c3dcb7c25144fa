"""The end user's opaque id, as upstream wants it: short."""

from __future__ import annotations

import hashlib

from isthmus.translate.messages_over_chat.content import Means
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import AskedRequest

_LONGEST = 128
_PATH = "metadata.user_id"


def user(request: AskedRequest, means: Means) -> Part:
    """Translate ``metadata.user_id``."""
    given: str | None = (request.get("metadata") or {}).get("user_id")
    if not given:
        return {}
    if means.dialect.user == "none":
        means.remarks.warn("user_id.dropped", _PATH, "dropped, unknown upstream")
        return {}
    if len(given) > _LONGEST:
        means.remarks.warn("user_id.hashed", _PATH, "hashed, it is long")
        given = hashlib.sha256(given.encode()).hexdigest()
    return {means.dialect.user: given}
