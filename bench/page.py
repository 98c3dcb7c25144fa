"""A table between two marks of a page, which is written anew by whoever measures."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- features: begin -->", "<!-- features: end -->"


def circumstances() -> str:
    """Say when and on what this runs."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name"))
    now = datetime.now(UTC)
    machine = next(models, platform.machine())
    return f"{now.day} {now:%B %Y}, {machine}, Python {platform.python_version()}"


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Draw a table in Markdown."""
    drawn = [f"| {' | '.join(line)} |" for line in (heads, *rows)]
    return "\n".join([drawn[0], "|---" * len(heads) + "|", *drawn[1:]])


def written(text: str, between: str) -> str:
    """Return a page with something else between its marks.

    Raises:
        ValueError: a mark is missing.
    """
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{BEGIN} and {END} are to be on the page")
    return f"{before}{BEGIN}\n{between}\n{END}{after}"
