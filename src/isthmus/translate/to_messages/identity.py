"""The end user's opaque id, as upstream wants it: short, and never personal data."""

from __future__ import annotations

import hashlib
import re

from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatRequest

_LONGEST = 256
#: What looks like an e-mail address or a telephone number.
_PERSONAL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[\d\s().-]{7,}")


def user_id(request: ChatRequest, remarks: Remarks) -> str | None:
    """Return the id to send as ``metadata.user_id``; None where the caller gave none."""
    given = request.get("safety_identifier") or request.get("user")
    if not given:
        return None
    if len(given) <= _LONGEST and not _PERSONAL.fullmatch(given.strip()):
        return given
    param = "safety_identifier" if request.get("safety_identifier") else "user"
    remarks.warn("user.hashed", param, "hashed, it is long or looks like personal data")
    return hashlib.sha256(given.encode()).hexdigest()
