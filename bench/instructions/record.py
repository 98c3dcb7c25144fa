"""What the loops took when somebody last looked: instructions per iteration, by interpreter.

The same version of Python takes 10 % more or less, depending on how it was compiled, which it does
not tell. A yardstick does, a loop that is none of ours: a record counts for the interpreters that
take as many instructions for it.
"""

from __future__ import annotations

import platform
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("record.toml")
YARDSTICK = "yardstick"

Counts = Mapping[str, int]


class Interpreter(NamedTuple):
    """What runs the loops: ``family`` is what all records for it begin with."""

    family: str
    build: str

    @property
    def name(self) -> str:
        """What it is called in the file."""
        return f"{self.family} {self.build}"


class Verdict(NamedTuple):
    """What is to be said of a loop, and whether it takes more or less than it did."""

    text: str
    over: bool = False
    fewer: bool = False


class Record(NamedTuple):
    """The file: ``kept`` holds counts by interpreter, ``head`` is the text above them."""

    tolerance: float
    kept: dict[str, Counts]
    head: str

    def fitting(self, counted: Counts, interpreter: Interpreter) -> str | None:
        """Return the name of the record that counts for an interpreter; None: there is none."""
        for name, counts in self.kept.items():
            change = counted[YARDSTICK] / counts[YARDSTICK] - 1
            if name.startswith(f"{interpreter.family} ") and abs(change) <= self.tolerance:
                return name
        return None

    def judge(self, counted: Counts, name: str | None) -> list[Verdict]:
        """Hold counts against the record of that name."""
        kept = {} if name is None else self.kept[name]
        return [_judged(loop, now, kept.get(loop), self.tolerance) for loop, now in counted.items()]

    def renewed(self, counted: Counts, interpreter: Interpreter) -> str:
        """Return the text of the file with these counts instead of those for that interpreter."""
        kept = {**self.kept, interpreter.name: counted}
        before = self.fitting(counted, interpreter)
        if before is not None and before != interpreter.name:
            del kept[before]
        tables = (
            "".join([f'["{name}"]\n', *(f"{loop} = {n:_}\n" for loop, n in counts.items())])
            for name, counts in sorted(kept.items())
        )
        return "\n".join([self.head.rstrip("\n") + "\n", *tables])


def read(text: str) -> Record:
    """Read the file."""
    document = tomllib.loads(text)
    tolerance: float = document.pop("tolerance")
    return Record(tolerance, document, text.partition("\n[")[0])


def interpreter() -> Interpreter:
    """Name what runs this."""
    family = "{}.{}".format(*sys.version_info) + f" {platform.machine()}"
    revision, date = platform.python_build()
    return Interpreter(family, f"({revision}, {date}) {platform.python_compiler()}")


def _judged(name: str, now: int, before: int | None, tolerance: float) -> Verdict:
    if before is None:
        return Verdict(f"{name:10}{now:12,}  not recorded")
    change = now / before - 1
    text = f"{name:10}{now:12,}  was {before:,} ({change:+.1%})"
    if change > tolerance:
        return Verdict(f"{text}  TOO MANY", over=True)
    if change < -tolerance:
        return Verdict(f"{text}  FEWER", fewer=True)
    return Verdict(text)
