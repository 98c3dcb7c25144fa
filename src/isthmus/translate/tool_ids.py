"""Tool-call ids that an upstream or a client of another protocol accepts.

Vendors mint ids with characters that Claude refuses, or of a length that others refuse. A hash of
the id stands in for it, so the same history always gives the same bytes and no table has to be
kept: calls are only ever matched with their results.
"""

from __future__ import annotations

import hashlib
import re

_ACCEPTED = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)


def accepted(call_id: str, longest: int | None = None) -> str:
    """Return ``call_id`` if it may stay as it is, else the id that stands for it."""
    if _ACCEPTED.fullmatch(call_id) and (longest is None or len(call_id) <= longest):
        return call_id
    return substitute(call_id)


def substitute(*named: str) -> str:
    """Return an id for what ``named`` names: the same for the same words."""
    digest = hashlib.sha256("\0".join(named).encode()).hexdigest()
    return f"toolu_x{digest[:24]}"
