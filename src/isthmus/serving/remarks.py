"""Remarks about a request, as response headers and as the last comment of a stream say them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from isthmus.translate.applied import Applied
from isthmus.translate.remarks import Remark

WARNINGS = "x-isthmus-warnings"
EXPLAIN = "x-isthmus-explain"
_LONGEST = 2048


def header(remarks: Iterable[Remark]) -> str:
    """Join remarks to at most 2 KiB."""
    return _joined([str(remark) for remark in remarks])


def explained(rules: Iterable[Applied]) -> str:
    """Join the rules that applied to at most 2 KiB, each as ``slug=field``."""
    return _joined([f"{rule.slug}={rule.field}" for rule in rules])


def _joined(entries: list[str]) -> str:
    """Join entries; ``+N`` at the end counts those that did not fit."""
    kept: list[str] = []
    length = 0
    for entry in entries:
        length += len(entry.encode("ascii", "backslashreplace")) + 2
        if length > _LONGEST - 8:
            return "; ".join([*kept, f"+{len(entries) - len(kept)}"])
        kept.append(entry)
    return "; ".join(kept)


def documents(remarks: Iterable[Remark]) -> list[dict[str, Any]]:
    """Build one small document for each remark."""
    return [
        {"kind": remark.kind, "slug": remark.slug, "param": remark.param, "text": remark.text}
        for remark in remarks
    ]
