"""What was measured: a table of rows, and the budgets that some of them have."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

from msgspec import Struct

BUDGETS = Path(__file__).with_name("budgets.toml")


class Row(Struct, frozen=True, kw_only=True):
    """One measurement. ``figure`` is what the budget named ``key`` bounds.

    ``ours`` is the gateway's share of it and ``others`` what it is held against, each with its
    unit, as they are to be shown.
    """

    what: str
    key: str
    figure: float
    ours: str
    others: str = ""


def ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the rounds' ratios: what slows a round down slows both sides of it."""
    return median([one / other for one, other in zip(ours, others, strict=True)])


class Budget(Struct, frozen=True):
    """The most that a figure may be, and what is put up with above that."""

    most: float
    tolerance: float = 0.0

    def over(self, figure: float) -> bool:
        """Say whether it is too much."""
        return figure > self.most * (1 + self.tolerance)


def budgets(path: Path = BUDGETS) -> dict[str, Budget]:
    """Read the budgets: those at the top with the file's tolerance, ``[exact]`` ones without."""
    found = tomllib.loads(path.read_text())
    tolerance, exact = found.pop("tolerance"), found.pop("exact")
    bounds = {name: Budget(most, tolerance) for name, most in found.items()}
    return bounds | {name: Budget(most) for name, most in exact.items()}


def table(rows: Iterable[Row], bounds: Mapping[str, Budget], *, judged: bool) -> str:
    """Draw the table; where nothing is judged, without the verdicts."""
    lines = [f"{'':24}{'isthmus':>18}  {'beside':29}{'figure':>9}{'budget':>9}"]
    for row in rows:
        bound = bounds.get(row.key)
        most = "" if bound is None else f"{bound.most:g}"
        over = judged and bound is not None and bound.over(row.figure)
        line = f"{row.what:24}{row.ours:>18}  {row.others:29}{row.figure:9.2f}{most:>9}"
        lines.append(f"{line}  {row.key}{'  OVER BUDGET' if over else ''}")
    return "\n".join(lines)


def exceeded(rows: Sequence[Row], bounds: Mapping[str, Budget]) -> bool:
    """Say whether any budget was exceeded.

    Raises:
        KeyError: a budget bounds nothing that was measured.
    """
    figures = {row.key: row.figure for row in rows}
    over = {name: bound.over(figures[name]) for name, bound in bounds.items()}
    return any(over.values())
