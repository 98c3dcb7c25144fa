from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from house import budgets, examples, habits, walls
from house.examples import Check, Example
from house.source import FOLDERS, ROOT, Source, sources

CHECKS: list[Check] = [
    walls.directions,
    walls.network,
    walls.environment,
    walls.purity,
    budgets.file_length,
    budgets.function_length,
    budgets.body_length,
    budgets.parameters,
    budgets.continuations,
    budgets.module_names,
    budgets.module_docstrings,
    habits.broad_excepts,
    habits.silent_excepts,
    habits.detached_tasks,
    habits.leftovers,
]

COMPLEX = "def f(x):\n" + "    if x:\n        x = 2\n" * 10


def name_of(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.fixture(scope="module")
def house() -> list[Source]:
    return list(sources())


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_the_house_keeps_every_rule(check: Check, house: list[Source]) -> None:
    findings = [str(finding) for source in house for finding in check(source)]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("example", examples.EXAMPLES, ids=lambda example: name_of(example.check))
def test_a_check_finds_exactly_the_lines_that_break_its_rule(example: Example) -> None:
    found = {finding.line for finding in example.check(Source(example.path, example.text))}
    assert found == set(example.lines)


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_every_check_is_shown_able_to_fail_and_to_pass(check: Check) -> None:
    outcomes = {bool(example.lines) for example in examples.EXAMPLES if example.check is check}
    assert outcomes == {True, False}


def test_a_finding_names_file_line_and_rule() -> None:
    [finding] = walls.network(Source("src/isthmus/routing/plan.py", "\nimport ssl\n"))
    assert str(finding) == "src/isthmus/routing/plan.py:2: routing may not use the network: ssl"


def test_every_room_that_exists_and_every_room_it_may_import_is_drawn() -> None:
    known = {room.partition(".")[0] for room in walls.MAY_IMPORT} | {"__version__"}
    imported = {name.partition(".")[0] for names in walls.MAY_IMPORT.values() for name in names}
    existing = {source.module[0] for source in sources("src")}
    assert imported | existing <= known


def test_knowledge_between_rooms_never_runs_in_a_circle() -> None:
    left = {
        room: {name.partition(".")[0] for name in names} - {"__version__"}
        for room, names in walls.MAY_IMPORT.items()
    }
    while drawn := {room for room, below in left.items() if not below}:
        left = {room: below - drawn for room, below in left.items() if room not in drawn}
    assert not left


def test_no_recipe_of_the_makefile_is_longer_than_two_lines() -> None:
    findings = budgets.recipes("Makefile", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert not [str(finding) for finding in findings]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a:\n\tone\n\ttwo\nb:\n\tone\n\ttwo\n", []),
        ("a: b\n\tone\n\ttwo\n\tthree\n\tfour\n", [4]),
        ("a:\n\tone \\\n\t  more\n\ttwo\n", [4]),
        ("a:\n\tone \\\nmore \\\nand more\n", [4]),
    ],
)
def test_the_third_line_of_a_recipe_is_found(text: str, lines: list[int]) -> None:
    assert [finding.line for finding in budgets.recipes("Makefile", text)] == lines


def complexity(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Ask ruff with none of the project's settings, so that no setting can excuse a function."""
    rule = ("--isolated", "--ignore-noqa", "--select", "C901", "--config")
    limit = "lint.mccabe.max-complexity=10"
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", *rule, limit, *arguments]
    return subprocess.run(
        command, check=False, input=text, capture_output=True, text=True, cwd=ROOT
    )


def test_no_function_is_more_complex_than_ten() -> None:
    folders = [folder for folder in FOLDERS if (ROOT / folder).is_dir()]
    result = complexity("--output-format", "concise", *folders)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_function_of_complexity_eleven_is_found_despite_a_noqa() -> None:
    result = complexity("-", text=COMPLEX.replace("\n", "  # noqa: C901\n", 1))
    assert "(11 > 10)" in result.stdout


def test_lint_and_types_are_as_strict_as_the_house_says() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert {"C90", "BLE", "S", "TID"} <= set(tools["ruff"]["lint"]["select"])
    assert tools["ruff"]["lint"]["mccabe"]["max-complexity"] == 10
    assert tools["pyright"]["strict"] == ["src"]
    assert {"src", "bench", "chaos", "scripts"} <= set(tools["pyright"]["include"])


def test_the_checks_read_this_checkout() -> None:
    assert {"src/isthmus/errors.py", "tests/test_house.py"} <= {s.path for s in sources()}
