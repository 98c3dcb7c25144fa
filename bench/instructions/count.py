"""Counts the instructions that the hot loops take, and holds them against `record.toml`.

    python bench/instructions/count.py [--record]

Time on a shared machine is noisy; the number of instructions is not. Valgrind counts them, in the
whole process: interpreter, extensions and C library, but not the kernel. An iteration costs the
difference between a run and one that is twice as long, divided by the shorter's iterations, so that
what is done once does not count. ``--record`` writes down what was counted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import record

HERE = Path(__file__).parent
MARKS = HERE.parent / "bin" / "mark.so"
#: How often a loop tells valgrind to write down what it has counted; after the second and fourth
#: time that is a run.
MARKS_PER_LOOP = 4
UNITS = {
    "yardstick": "a bit of Python that is none of ours",
    "request": "translating an agent's request, from bytes to bytes",
    "answer": "translating a whole answer, from bytes to bytes",
    "whole": "a call answered in one piece, from socket to socket",
    "paced": "an event of a stream, one with each read",
    "burst": "a read of a stream with 64 events",
    "agent": "a call answered by a stream of thinking and calls of tools",
}
#: Nothing of the caller's environment; the same order of every set and the product's allocator.
ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"}


def compile_marks() -> None:
    """Compile what tells valgrind where a loop begins and ends."""
    MARKS.parent.mkdir(exist_ok=True)
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", MARKS, HERE / "mark.c"], check=True)


def count(directory: Path) -> record.Counts:
    """Run the loops under valgrind; return the instructions of an iteration of each."""
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no"]
    program = [sys.executable, HERE / "loops.py", MARKS]
    ended = subprocess.run(
        [*valgrind, f"--callgrind-out-file={directory / 'out'}", *program],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=False,
    )
    if ended.returncode:
        sys.exit(f"instructions: the loops failed with code {ended.returncode}")
    counted: dict[str, int] = {}
    for number, line in enumerate(ended.stdout.splitlines()):
        name, times = line.split()
        last = (number + 1) * MARKS_PER_LOOP
        once, twice = _total(directory / f"out.{last - 2}"), _total(directory / f"out.{last}")
        counted[name] = (twice - once) // int(times)
    return counted


def _total(dump: Path) -> int:
    found = re.search(r"^totals: (\d+)$", dump.read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f"instructions: valgrind has written no total into {dump.name}")
    return int(found[1])


def report(counted: record.Counts, *, renew: bool) -> int:
    """Print what was counted, and judge or record it; return the exit code."""
    known, here = record.read(record.FILE.read_text()), record.interpreter()
    name = known.fitting(counted, here)
    verdicts = known.judge(counted, name)
    for loop, verdict in zip(counted, verdicts, strict=True):
        print(f"{verdict.text:60}{UNITS[loop]}")
    if renew:
        record.FILE.write_text(known.renewed(counted, here))
        print(f"recorded for Python {here.name}")
        return 0
    if name is None:
        print(
            f"There is no record for Python {here.name}, or one compiled alike: nothing is judged."
        )
    if any(verdict.fewer for verdict in verdicts):
        print("Keep what was gained: make instructions RECORD=1")
    return int(any(verdict.over for verdict in verdicts))


def main() -> int:
    """Count, and say what is to be said; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="write down what was counted")
    renew = parser.parse_args().record
    if shutil.which("valgrind") is None or shutil.which("cc") is None:
        print("make instructions needs: apt-get install valgrind gcc libc6-dev")
        return 2
    compile_marks()
    with tempfile.TemporaryDirectory() as directory:
        counted = count(Path(directory))
    return report(counted, renew=renew)


if __name__ == "__main__":
    sys.exit(main())
