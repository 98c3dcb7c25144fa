"""A Python file as the checks see it: its syntax tree, its lines of code, what it refers to."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeGuard

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "bench", "scripts", "chaos", "clients")
PACKAGE = "src/isthmus/"

Function = ast.FunctionDef | ast.AsyncFunctionDef

BUILTINS = frozenset({"hash", "input", "open", "print"})
LAYOUT = frozenset(
    {
        tokenize.COMMENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
        tokenize.INDENT,
        tokenize.NEWLINE,
        tokenize.NL,
    }
)


class Finding(NamedTuple):
    """One place that breaks a rule."""

    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}"


class Reference(NamedTuple):
    """A dotted name as if nothing were aliased; `*.name` where its owner is not an import."""

    line: int
    name: str

    def within(self, names: Iterable[str]) -> bool:
        """Whether this is one of `names` or something inside one of them."""
        return any(self.name == name or self.name.startswith(f"{name}.") for name in names)


class Source:
    """One file. `path` is relative to the checkout, with slashes."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.tree = ast.parse(text)

    def finding(self, line: int, rule: str) -> Finding:
        """Report `rule` at `line` of this file."""
        return Finding(self.path, line, rule)

    @property
    def module(self) -> tuple[str, ...]:
        """The path inside the package: `("wire", "json")`; empty for a file outside of it."""
        if not self.path.startswith(PACKAGE):
            return ()
        return tuple(self.path.removeprefix(PACKAGE).removesuffix(".py").split("/"))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the syntax tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> list[Function]:
        """Every function, also nested ones and methods."""
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def docstrings(self) -> list[ast.Expr]:
        """The docstrings of the module, its classes and functions."""
        found: list[ast.Expr] = []
        for node in self.nodes:
            match node:
                case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    found += [first for first in node.body[:1] if _is_text(first)]
                case _:
                    continue
        return found

    @cached_property
    def tokens(self) -> list[tokenize.TokenInfo]:
        """The tokens of the file."""
        return list(tokenize.generate_tokens(io.StringIO(self.text).readline))

    @cached_property
    def code(self) -> frozenset[int]:
        """The numbers of the lines that hold code: no docstring, comment or blank line."""
        lines: set[int] = set()
        for token in self.tokens:
            if token.type not in LAYOUT:
                lines.update(range(token.start[0], token.end[0] + 1))
        for node in self.docstrings:
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        return frozenset(lines)

    def code_in(self, first: int, last: int) -> int:
        """Count the lines of code from `first` to `last`, both included."""
        return sum(first <= line <= last for line in self.code)

    @cached_property
    def imports(self) -> list[Reference]:
        """What is imported, wherever the statement stands: `from a import b` is `a.b`."""
        return [
            Reference(node.lineno, name)
            for node in self.nodes
            if isinstance(node, ast.stmt | ast.expr)
            for name in _imported(node, self.module).values()
        ]

    @cached_property
    def references(self) -> list[Reference]:
        """What is imported, and every dotted name and builtin that is used."""
        aliases: dict[str, str] = {}
        for node in self.nodes:
            aliases |= _imported(node, self.module)
        # `import a.b` binds the name a.
        aliases = {name.partition(".")[0]: name.partition(".")[0] for name in aliases} | aliases
        used = [
            Reference(node.lineno, name)
            for node in self.nodes
            if isinstance(node, ast.Attribute | ast.Call)
            and (name := _used(node, aliases)) is not None
        ]
        return [*self.imports, *used]


def sources(*folders: str) -> Iterator[Source]:
    """Read the Python files below `folders` of the checkout."""
    for folder in folders or FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield Source(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))


def _is_text(node: ast.stmt) -> TypeGuard[ast.Expr]:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _imported(node: ast.AST, module: tuple[str, ...]) -> dict[str, str]:
    """What a node imports, by the local name it gets."""
    match node:
        case ast.Import(names=names):
            return {alias.asname or alias.name: alias.name for alias in names}
        case ast.ImportFrom(names=names):
            origin = _origin(node, module)
            return {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in names}
        case ast.Call(
            func=ast.Name("__import__" | "import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(str(name)), *_],
        ):
            return {f"import of {name}": name}
        case _:
            return {}


def _origin(node: ast.ImportFrom, module: tuple[str, ...]) -> str:
    """The absolute name of the module a `from` statement names."""
    if not node.level:
        return node.module or ""
    parents = ("isthmus", *module)[: -node.level]
    return ".".join((*parents, node.module) if node.module else parents)


def _used(node: ast.Attribute | ast.Call, aliases: Mapping[str, str]) -> str | None:
    """The dotted name a node stands for; None if it is no name worth knowing."""
    match node:
        case ast.Call(func=ast.Name(name)) if name in BUILTINS and name not in aliases:
            return f"builtins.{name}"
        case ast.Attribute(value=ast.Name(owner), attr=attr):
            return f"{aliases.get(owner, '*')}.{attr}"
        case ast.Attribute(value=ast.Attribute() as value, attr=attr):
            return f"{_used(value, aliases)}.{attr}"
        case ast.Attribute(attr=attr):
            return f"*.{attr}"
        case _:
            return None
