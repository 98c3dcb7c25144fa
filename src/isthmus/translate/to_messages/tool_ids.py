"""Tool-call ids that a Messages upstream accepts.

Other vendors mint ids with characters that Claude refuses. A hash of the id stands in for it, so
the same history always gives the same bytes and no table has to be kept: calls of earlier turns
are only ever matched with their results, never shown to the client again.
"""

from __future__ import annotations

import hashlib
import re

_ACCEPTED = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)


def accepted(call_id: str) -> str:
    """Return ``call_id`` if an upstream takes it as it is, else the id that stands for it."""
    if _ACCEPTED.fullmatch(call_id):
        return call_id
    digest = hashlib.sha256(call_id.encode()).hexdigest()
    return f"toolu_x{digest[:24]}"
