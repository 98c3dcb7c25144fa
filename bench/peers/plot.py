"""Draws a run: bars on a logarithmic scale, each with its figure, in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import NamedTuple

from peers.figures import Entry, Run
from peers.table import digits, duration


class Panel(NamedTuple):
    """One question, which figure answers it, and how that is written at a bar and on the scale."""

    title: str
    field: str
    shown: Callable[[float], str]
    marked: Callable[[float], str]


class Bar(NamedTuple):
    """One server's figure in a panel; `value` is None where it fails."""

    name: str
    value: float | None
    ours: bool


def microseconds(value: float) -> str:
    """Return a power of ten as the scale says it."""
    return f"{value / 1000:g} ms" if value >= 1000 else f"{value:g} us"


def milliseconds(value: float) -> str:
    """Return a power of ten as the scale says it."""
    return f"{value:g} ms"


PANELS = (
    Panel("CPU per answer, full load", "whole_us", duration, microseconds),
    Panel("CPU per streamed event, 500 a second", "paced_us", duration, microseconds),
    Panel("CPU per streamed event, in bursts", "burst_us", duration, microseconds),
    Panel(
        "Half of all answers within, 20 a second",
        "p50_ms",
        lambda ms: f"{digits(ms)} ms",
        milliseconds,
    ),
)
OURS = "isthmus"
LEGEND = "Shorter is better; logarithmic scales. nginx only passes bytes on."

WIDTH, MARGIN, GAP = 880, 24, 40
PANEL_WIDTH = (WIDTH - 2 * MARGIN - GAP) / 2
#: Pixels: names stand left of the bars, figures right of them.
NAMES, FIGURES, ROW, BAR, TITLE, TOP = 112, 56, 26, 16, 34, 66

STYLE = """
  text { font: 13px system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: #1f2328; }
  .head { font-size: 17px; font-weight: 600; }
  .note, .fails, .scale { fill: #59636e; }
  .note { font-size: 12px; }
  .scale { font-size: 10px; }
  .figure, .fails { paint-order: stroke; stroke: #ffffff; stroke-width: 5px; }
  .title { font-weight: 600; }
  .ours { font-weight: 600; }
  .ground { fill: #ffffff; }
  .grid { stroke: #d1d9e0; stroke-width: 1; }
  .bar { fill: #8c959f; }
  .bar.ours { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .note, .fails, .scale { fill: #9198a1; }
    .figure, .fails { stroke: #0d1117; }
    .ground { fill: #0d1117; }
    .grid { stroke: #3d444d; }
    .bar { fill: #656c76; }
    .bar.ours { fill: #4493f8; }
  }
"""


def svg(run: Run) -> str:
    """Return the picture of a run. Servers that answered nothing right are left to the table."""
    entries = [entry for entry in run.entries if entry.figures.whole_us is not None]
    rows = (len(PANELS) + 1) // 2
    panel_height = TITLE + len(entries) * ROW + 40
    height = TOP + rows * panel_height
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
        '<title id="title">What gateways cost, side by side</title>',
        f'<desc id="desc">{escape(described(run))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}" rx="6"/>',
        _text(MARGIN, 30, "What a gateway costs", "head"),
        _text(MARGIN, 49, f"{LEGEND} {run.machine}, {run.day}.", "note"),
    ]
    for index, panel in enumerate(PANELS):
        x = MARGIN + (index % 2) * (PANEL_WIDTH + GAP)
        y = TOP + (index // 2) * panel_height
        parts += _panel(panel, bars(panel, entries), x, y)
    return "\n".join([*parts, "</svg>", ""])


def bars(panel: Panel, entries: Iterable[Entry]) -> list[Bar]:
    """Return a panel's bars, the shortest first, and last what fails."""
    found = [
        Bar(entry.name, getattr(entry.figures, panel.field), entry.key == OURS) for entry in entries
    ]
    return sorted(found, key=lambda bar: math.inf if bar.value is None else bar.value)


def decades(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten around some values; the first bar is never without length."""
    low, high = math.log10(min(values)), math.log10(max(values))
    first = math.floor(low - 0.15)
    return first, max(math.ceil(high), first + 1)


def described(run: Run) -> str:
    """Return the picture in words, for those who do not see it."""
    sentences: list[str] = []
    for panel in PANELS:
        said = [
            f"{bar.name} {'fails' if bar.value is None else panel.shown(bar.value)}"
            for bar in bars(panel, run.entries)
        ]
        sentences.append(f"{panel.title}: {', '.join(said)}.")
    return " ".join(sentences)


def _panel(panel: Panel, found: Sequence[Bar], x: float, y: float) -> list[str]:
    parts = [_text(x, y + 20, panel.title, "title")]
    values = [bar.value for bar in found if bar.value is not None]
    if not values:
        return parts
    first, last = decades(values)
    left, width = x + NAMES, PANEL_WIDTH - NAMES - FIGURES
    top, bottom = y + TITLE, y + TITLE + len(found) * ROW - ROW + BAR + 4
    for power in range(first, last + 1):
        at = left + width * (power - first) / (last - first)
        parts.append(f'<path class="grid" d="M{at:.1f} {top - 4}V{bottom}"/>')
        parts.append(_text(at, bottom + 13, panel.marked(10.0**power), "scale", "middle"))
    for row, bar in enumerate(found):
        at = top + row * ROW
        ours = " ours" if bar.ours else ""
        parts.append(_text(left - 8, at + 13, bar.name, f"name{ours}", "end"))
        if bar.value is None:
            parts.append(_text(left + 6, at + 13, "fails", "fails"))
            continue
        length = width * (math.log10(bar.value) - first) / (last - first)
        parts.append(
            f'<rect class="bar{ours}" x="{left:.1f}" y="{at}" width="{length:.1f}" '
            f'height="{BAR}" rx="2"/>'
        )
        parts.append(_text(left + length + 6, at + 13, panel.shown(bar.value), f"figure{ours}"))
    return parts


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
