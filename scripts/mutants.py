"""Looks for code that no test would miss: changes one thing at a time and runs the tests.

    python scripts/mutants.py [--module WORD] [--sample N] [--jobs N]

Every change is tried in a copy of the package, on the tests of `tests/translate` and `tests/wire`.
A change that all of them pass *survives*, and is printed: either a test is missing, or the change
means nothing. ``--module`` takes files whose path holds the word, ``--sample`` so many changes of
all, always the same ones. Exits with 1 where something survived.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "isthmus"
MUTATED = PACKAGE / "translate"
TESTS = ("tests/translate", "tests/wire")
#: Rules are sentences: a change of one is not a change of behaviour.
DATA = ("ladder.py", "__init__.py")
SECONDS = 180

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


class Mutant(NamedTuple):
    """One change: of which file and line, what it was and became, and the whole file after it."""

    path: Path
    line: int
    before: str
    after: str
    source: str


def mutants(path: Path) -> Iterator[Mutant]:
    """Make every change of one file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    quiet = set(_unspoken(tree))
    for place, node in enumerate(ast.walk(tree)):
        if id(node) in quiet:
            continue
        for changed in _changes(node):
            copied = copy.deepcopy(tree)
            twin = next(n for index, n in enumerate(ast.walk(copied)) if index == place)
            whole = _Replacing(twin, changed).visit(copied)
            source = ast.unparse(ast.fix_missing_locations(whole))
            line: int = getattr(node, "lineno", 0)
            yield Mutant(path, line, ast.unparse(node), ast.unparse(changed), source)


class _Replacing(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else super().visit(node)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=comparators) if type(op) in _COMPARISONS:
            yield ast.Compare(left, [_COMPARISONS[type(op)]()], comparators)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield ast.BinOp(left, ast.Sub(), right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield ast.BinOp(left, ast.Add(), right)
        case ast.Constant(value=value):
            yield from _other_values(value)
        case ast.Return(value=value) if value is not None and ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.If(test=test, body=body, orelse=orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)


def _other_values(value: object) -> Iterator[ast.Constant]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int():
            yield ast.Constant(value + 1)
        case str() if value:
            yield ast.Constant(f"{value}XX")


def _unspoken(tree: ast.AST) -> Iterator[int]:
    """Name the nodes that say nothing when the program runs: docstrings, annotations, texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(annotation, ast.AST):
            yield from (id(part) for part in ast.walk(annotation))
        if isinstance(node, ast.Call | ast.Subscript) and _is_wording(node):
            yield from (id(part) for part in ast.walk(node))


def _is_wording(node: ast.Call | ast.Subscript) -> bool:
    """Say whether a node is only for readers: a cast, or a type in quotes."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("cast", "Literal")
    return isinstance(node.value, ast.Name) and node.value.id in ("Literal", "Callable")


def survives(mutant: Mutant, home: Path) -> bool:
    """Run the tests on a change, in the copy of the package at ``home``."""
    target = home / mutant.path.relative_to(PACKAGE.parent)
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.source, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(home), "HYPOTHESIS_PROFILE": "quick"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        target.write_text(original, encoding="utf-8")
    return done.returncode == 0


def main() -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", default="")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    asked = parser.parse_args()
    files = [path for path in sorted(MUTATED.rglob("*.py")) if path.name not in DATA]
    found = [m for path in files if asked.module in str(path) for m in mutants(path)]
    if asked.sample is not None and asked.sample < len(found):
        found = random.Random(0).sample(found, asked.sample)  # noqa: S311 - only to choose
    homes: SimpleQueue[Path] = SimpleQueue()

    def tried(mutant: Mutant) -> Mutant | None:
        home = homes.get()
        try:
            return mutant if survives(mutant, home) else None
        finally:
            homes.put(home)

    with tempfile.TemporaryDirectory() as directory:
        for job in range(asked.jobs):
            home = Path(directory) / str(job)
            shutil.copytree(PACKAGE, home / "isthmus")
            homes.put(home)
        with ThreadPoolExecutor(asked.jobs) as pool:
            alive = [mutant for mutant in pool.map(tried, found) if mutant is not None]
    for mutant in sorted(alive):
        place = f"{mutant.path.relative_to(ROOT)}:{mutant.line}"
        print(f"{place}: {_short(mutant.before)}  ->  {_short(mutant.after)}")
    print(f"{len(found) - len(alive)} of {len(found)} changes were noticed")
    return 1 if alive else 0


def _short(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) <= 70 else f"{line[:67]}..."


if __name__ == "__main__":
    sys.exit(main())
