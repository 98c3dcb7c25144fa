"""Writes what was computed between two marker comments of a page, and reads it."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def replaced(page: str, name: str, text: str) -> str:
    """Return a page with other text between the markers of `name`. Raises ValueError without."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"the page has not one pair of markers named {name}")
    return pattern.sub(lambda _: f"{begin}\n{text.strip()}\n\n{end}", page)


def write(name: str, text: str) -> None:
    """Put text between the markers of `name` in the page about performance."""
    PAGE.write_text(replaced(PAGE.read_text(), name, text))
