from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest

from peers import plot
from peers.figures import Entry, Figures, Run

FAST = Entry("isthmus", "Isthmus & co", "1.0", "C", Figures(20.0, 1.0, 1.0, 1.0, 2.0, 50.0))
SLOW = Entry("slow", "Slow", "1.0", "C", Figures(2000.0, 1.0, 9.0, 9.0, None, 500.0))
GONE = Entry("gone", "Gone", "", "C", Figures(), ("not installed",))
RUN = Run("2026-11-23", "a <machine>", 3, (SLOW, FAST, GONE))
SVG = "{http://www.w3.org/2000/svg}"


def drawn(kind: str) -> list[ET.Element]:
    picture = ET.fromstring(plot.svg(RUN))  # noqa: S314 - our own text
    return [each for each in picture.iter(SVG + kind) if each.get("class") != "ground"]


def test_every_figure_has_a_bar_and_stands_beside_it() -> None:
    assert len(drawn("rect")) == 7
    assert sum("figure" in str(text.get("class")) for text in drawn("text")) == 7


def test_bars_grow_with_the_logarithm() -> None:
    lengths = [float(str(bar.get("width"))) for bar in drawn("rect")[:2]]
    first, last = plot.decades([20.0, 2000.0])
    ratio = (math.log10(2000) - first) / (math.log10(20) - first)
    assert lengths[1] / lengths[0] == pytest.approx(ratio, rel=0.01)
    assert last == 4


def test_what_fails_stands_last_without_a_bar() -> None:
    [burst] = [panel for panel in plot.PANELS if panel.field == "burst_us"]
    assert [bar.value for bar in plot.bars(burst, RUN.entries[:2])] == [2.0, None]
    assert "fails" in [text.text for text in drawn("text")]


def test_our_bars_are_told_apart() -> None:
    assert sum(bar.get("class") == "bar ours" for bar in drawn("rect")) == len(plot.PANELS)


def test_the_picture_says_itself_in_words_and_in_the_dark() -> None:
    text = plot.svg(RUN)
    assert drawn("title")[0].text == "What gateways cost, side by side"
    assert "CPU per answer, full load: Isthmus & co 20 us, Slow 2.0 ms" in str(
        drawn("desc")[0].text
    )
    assert re.search(r"prefers-color-scheme: dark", text)


@pytest.mark.parametrize("values", [[10.0], [1.0, 1.0], [0.31, 2000.0]])
def test_the_shortest_bar_can_be_seen(values: list[float]) -> None:
    first, last = plot.decades(values)
    assert first < math.log10(min(values)) <= math.log10(max(values)) <= last
