"""What the answer to each question has to be: a function of the marker in its message.

Every piece of a text names its marker, so that a mixture of two answers cannot pass for one.
"""

from __future__ import annotations

import functools
import random
import re
from typing import Any, NamedTuple

#: A marker: the run's seed, the number of the question, and how the answer is to be: L is large, S
#: takes its time.
PATTERN = re.compile(r"<([0-9a-z]+-[0-9]+[LS]?)>")
TOOL = "note"
#: What texts are made of that has to be escaped, or is more than one byte.
_SPICE = ("", "", "é", "漢字", "😀", '"', "\\", "\n", "\u2028", "</", "\t", "data: ")
#: How many pieces an answer has, from and to, and what is added to each.
_ORDINARY = (1, 40, "")
_SIZES = {"L": (1500, 1500, "x" * 1000), "S": (30, 40, "")}


class Wanted(NamedTuple):
    """An answer: its text in pieces, what it calls the tool with, and what it cost in tokens."""

    pieces: tuple[str, ...]
    arguments: dict[str, Any] | None
    input_tokens: int
    output_tokens: int

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    @property
    def finish_reason(self) -> str:
        """How a chat completion says why it ended."""
        return "stop" if self.arguments is None else "tool_calls"


def question(marker: str) -> str:
    """Put a marker into the words that ask for its answer."""
    return f"Answer <{marker}>."


def found_in(text: str) -> str | None:
    """Return the marker that is named in a question."""
    found = PATTERN.search(text)
    return found[1] if found else None


def is_slow(marker: str) -> bool:
    """Whether its answer takes its time, so that something can happen meanwhile."""
    return marker.endswith("S")


@functools.lru_cache(maxsize=4)
def wanted(marker: str, *, tools: bool) -> Wanted:
    """Return the answer for a marker; with tools it ends with a call of `TOOL`."""
    rng = random.Random(f"{marker}/{tools}")
    fewest, most, fill = _SIZES.get(marker[-1], _ORDINARY)
    count = rng.randint(fewest, most)
    pieces = tuple(f"{marker}.{index} {rng.choice(_SPICE)}{fill}" for index in range(count))
    arguments = {"marker": marker, "words": [rng.choice(_SPICE) for _ in range(5)], "n": count}
    return Wanted(
        pieces,
        arguments if tools else None,
        input_tokens=rng.randint(1, 10_000),
        output_tokens=rng.randint(1, 1_000),
    )
