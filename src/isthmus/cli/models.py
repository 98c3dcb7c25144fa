"""``isthmus models``."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from isthmus.call import Capabilities, Price
from isthmus.cli import setting_up
from isthmus.routing.catalog import ModelRow
from isthmus.routing.directory import Directory
from isthmus.routing.names import find_row
from isthmus.routing.overrides import Override

_PICO_PER_MTOK = 10**6
_WIDE = 200


def run(path: Path | None) -> int:
    """Print the table; return the exit code."""
    config = setting_up.configuration(path)
    known = setting_up.routing(config)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("MODEL", "CONTEXT", "OUTPUT", "THINKING", "EFFORT", "SAMPLING", "FORCED TOOLS"):
        table.add_column(title, no_wrap=True)
    for title in ("IN $", "OUT $", "CACHED $"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("STATUS", no_wrap=True)
    for row in known.catalog.rows:
        corrected = ", corrected" if row.id in known.overrides else ""
        table.add_row(*_cells(row.id, row.capabilities, row.prices), _status(row) + corrected)
    for name, model in config.models.items():
        if known.catalog.row(name) is None:
            table.add_row(*_configured(name, model.targets[0].model, known), "configured")
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    console.print(table)
    others = {**known.catalog.aliases, **config.aliases}
    for name, target in others.items():
        if target:
            console.print(f"{name} -> {target}", highlight=False)
    return 0


def _configured(name: str, target: str, known: Directory) -> list[str]:
    """Describe a name of the operator's by what its first target is and by what is corrected."""
    override = known.overrides.get(name, Override())
    row = find_row(known.catalog, target)
    prices = override.prices or (row.prices if row is not None else ())
    return _cells(name, known.listing.entry(name).capabilities, prices)


def _cells(name: str, capabilities: Capabilities, prices: tuple[Price, ...]) -> list[str]:
    return [
        name,
        _short(capabilities.max_input_tokens),
        _short(capabilities.max_output_tokens),
        _thinking(capabilities),
        _efforts(capabilities),
        {"none": "no", "one_of": "one of", "both": "yes"}[capabilities.sampling],
        "yes" if capabilities.forced_tools else "no",
        *_costs(prices),
    ]


def _status(row: ModelRow) -> str:
    return f"{row.lifecycle} until {row.retires_at}" if row.retires_at else row.lifecycle


def _costs(prices: tuple[Price, ...]) -> list[str]:
    """Show what the shortest prompts cost; a plus where longer ones cost something else."""
    if not prices:
        return ["-", "-", "-"]
    more = "+" if len(prices) > 1 else ""
    cells = [(price.input, price.output, price.cache_read) for price in prices]
    return [_dollars(price) + more for price in cells[0]]


def _thinking(capabilities: Capabilities) -> str:
    kinds = [kind for kind in capabilities.thinking if kind != "disabled"]
    return f"{', '.join(kinds)} ({capabilities.thinking_default})"


def _efforts(capabilities: Capabilities) -> str:
    efforts = capabilities.efforts
    return f"{efforts[0]}-{efforts[-1]}" if efforts else "none"


def _short(tokens: int) -> str:
    if not tokens:
        return "-"
    return f"{tokens // 10**6}M" if tokens % 10**6 == 0 else f"{tokens // 1000}k"


def _dollars(pico_per_token: int) -> str:
    return f"{pico_per_token / _PICO_PER_MTOK:.2f}"
