from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from house.source import ROOT
from isthmus import __version__

# Interpreters that run what they are given after something about them was changed.
REAL = f'exec "{sys.executable}" "$@"'
POSING = f'exec "{sys.executable}" -c "import sys; {{}}; exec(sys.argv[2])" "$@"'
OLD = POSING.format("sys.version_info = (3, 10, 9)")
WITHOUT_VENV = POSING.format("sys.modules['ensurepip'] = None")
SHIM = "echo 'not installed' >&2; exit 127"
BREAKS_OFF = f"[ $1 = -c ] && {REAL}\nmkdir -p .venv/bin; exit 1"

# Stands in for .venv/bin/python: notes what it is asked, and installs unless `offline` exists.
NOTING = """
case "$*" in
    *--version) ;;
    *install*) echo "$@" >>log; [ ! -e offline ] ;;
    *) echo "$@" >>log ;;
esac"""
SERVING = 'echo "state=$ISTHMUS_STATE $*"'


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=cwd, env=inherited | environ
    )


def pick(folder: Path, named: str = "") -> subprocess.CompletedProcess[str]:
    """Run the picker where only the programs in `folder` are on PATH."""
    return run("/bin/sh", ROOT / "scripts/python.sh", named, cwd=folder, PATH=str(folder))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what installing needs, at a path with a space in it."""
    copy = tmp_path / "a checkout"
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, copy / name)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def installed(checkout: Path) -> Path:
    """A checkout whose .venv holds the stand-ins."""
    program(checkout / ".venv/bin/python", NOTING)
    program(checkout / ".venv/bin/isthmus", SERVING)
    return checkout


def asked(checkout: Path) -> list[str]:
    """What was installed or run, one word each, since the last time this was asked."""
    log = checkout / "log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return [re.split(r"[ /]", line.removesuffix(".lock"))[-1] for line in lines]


# The interpreter


def test_the_first_interpreter_that_runs_and_is_new_enough_is_picked(tmp_path: Path) -> None:
    program(tmp_path / "python3", SHIM)
    program(tmp_path / "python3.13", OLD)
    chosen = program(tmp_path / "python3.12", REAL)
    program(tmp_path / "python3.11", REAL)
    assert pick(tmp_path).stdout.strip() == str(chosen)


def test_one_that_can_make_environments_is_preferred(tmp_path: Path) -> None:
    program(tmp_path / "python3", WITHOUT_VENV)
    chosen = program(tmp_path / "python3.11", REAL)
    assert pick(tmp_path).stdout.strip() == str(chosen)


def test_a_named_interpreter_is_taken_before_all_others(tmp_path: Path) -> None:
    program(tmp_path / "python3", REAL)
    named = program(tmp_path / "my python" / "python", REAL)
    assert pick(tmp_path, str(named)).stdout.strip() == str(named)


@pytest.mark.parametrize("body", [OLD, SHIM])
def test_a_named_interpreter_that_will_not_do_is_refused_by_name(tmp_path: Path, body: str) -> None:
    program(tmp_path / "python3", REAL)
    named = program(tmp_path / "mine", body)
    result = pick(tmp_path, str(named))
    assert result.returncode == 1
    assert result.stderr == f"isthmus: PYTHON={named} does not run or is older than Python 3.11.\n"


def test_no_interpreter_at_all_is_said_in_one_line(tmp_path: Path) -> None:
    result = pick(tmp_path)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "no Python 3.11 or newer" in result.stderr


def test_a_missing_venv_module_is_said_in_one_line_and_leaves_nothing(checkout: Path) -> None:
    named = program(checkout / "mine", WITHOUT_VENV)
    result = run("sh", "scripts/install.sh", "runtime", named, cwd=checkout)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "apt install python3-venv" in result.stderr
    assert not (checkout / ".venv").exists()


def test_an_environment_that_could_not_be_finished_is_removed(checkout: Path) -> None:
    named = program(checkout / "mine", BREAKS_OFF)
    result = run("sh", "scripts/install.sh", "runtime", named, cwd=checkout)
    assert result.returncode == 1
    assert not (checkout / ".venv").exists()


# make


def test_serve_installs_the_lock_then_the_project_then_starts(installed: Path) -> None:
    result = run("make", "serve", cwd=installed)
    assert result.stdout.splitlines()[-1] == "state=./.isthmus serve --port 4100"
    assert asked(installed) == ["runtime", "."]


def test_serve_takes_port_host_and_state_from_the_caller(installed: Path) -> None:
    result = run("make", "serve", "PORT=5000", "HOST=::1", cwd=installed, ISTHMUS_STATE="/s")
    assert result.stdout.splitlines()[-1] == "state=/s serve --port 5000 --host ::1"


def test_a_host_that_only_the_environment_names_is_not_an_address(installed: Path) -> None:
    result = run("make", "serve", cwd=installed, HOST="x86_64-conda-linux-gnu")
    assert result.stdout.splitlines()[-1] == "state=./.isthmus serve --port 4100"


def test_a_second_start_installs_nothing(installed: Path) -> None:
    run("make", "serve", cwd=installed)
    asked(installed)
    assert run("make", "serve", cwd=installed).returncode == 0
    assert asked(installed) == []


def test_an_install_that_failed_is_done_again(installed: Path) -> None:
    (installed / "offline").touch()
    assert run("make", "serve", cwd=installed).returncode != 0
    assert asked(installed) == ["runtime"]
    (installed / "offline").unlink()
    assert run("make", "serve", cwd=installed).returncode == 0
    assert asked(installed) == ["runtime", "."]


@pytest.mark.parametrize("changed", ["requirements/runtime.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_is_installed_again(installed: Path, changed: str) -> None:
    run("make", "serve", cwd=installed)
    asked(installed)
    later = time.time() + 60
    os.utime(installed / changed, (later, later))
    run("make", "serve", cwd=installed)
    assert asked(installed) == ["runtime", "."]


def test_a_checkout_that_was_moved_is_installed_again(installed: Path) -> None:
    run("make", "serve", cwd=installed)
    moved = installed.rename(installed.with_name("elsewhere"))
    asked(moved)
    run("make", "serve", cwd=moved)
    assert asked(moved) == ["runtime", "."]


def test_serve_and_test_install_beside_each_other(installed: Path) -> None:
    run("make", "serve", cwd=installed)
    asked(installed)
    assert run("make", "test", cwd=installed).returncode == 0
    assert asked(installed) == ["dev", "tests"]
    run("make", "serve", cwd=installed)
    assert asked(installed) == []


def test_help_describes_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [phony] = re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE)
    listed = run("make", "--no-print-directory", "help", cwd=ROOT).stdout.splitlines()
    assert sorted(line.split()[0] for line in listed) == sorted(phony.split())
    assert all(len(line.split()) > 2 for line in listed)


# Dependencies


def project() -> dict[str, list[str]]:
    """The requirements of `pyproject.toml`, by the lock they are in."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        "runtime": document["project"]["dependencies"] + document["build-system"]["requires"],
        "dev": document["dependency-groups"]["dev"],
    }


def locked(lock: str) -> dict[str, str]:
    """The versions in a lock."""
    text = (ROOT / f"requirements/{lock}.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", ["runtime", "dev"])
def test_a_lock_holds_a_fitting_version_of_every_requirement(lock: str) -> None:
    versions = locked(lock)
    for requirement in map(Requirement, project()[lock]):
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} is locked as {version}"


@pytest.mark.parametrize("lock", ["runtime", "dev"])
def test_every_locked_version_has_a_hash(lock: str) -> None:
    text = (ROOT / f"requirements/{lock}.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(locked(lock))
    assert all("--hash=sha256:" in entry for entry in entries)


def test_both_locks_agree() -> None:
    runtime, dev = locked("runtime"), locked("dev")
    assert {name: runtime[name] for name in runtime.keys() & dev} == {
        name: dev[name] for name in runtime.keys() & dev
    }


def test_every_dependency_is_justified() -> None:
    text = (ROOT / "docs/decisions/0002-dependencies.md").read_text(encoding="utf-8")
    named = [Requirement(line).name for lines in project().values() for line in lines]
    assert [name for name in named if f"| {name} |" not in text] == []


# Releases


def test_the_changelog_begins_with_what_is_unreleased_and_knows_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    released = max((Version(heading) for heading in headings[1:]), default=Version("0"))
    assert Version(__version__) >= released
    assert __version__ in text


# What the tests stand on

STRANGER = """
import os, pytest

def test_skips(): pytest.skip("no nginx")

def test_environment(): assert not {"AWS_REGION", "ISTHMUS_STATE"} & {*os.environ}
"""


@pytest.mark.parametrize(
    ("required", "closing"), [("all", "1 failed, 1 passed"), ("", "1 passed, 1 skipped")]
)
def test_a_skip_fails_where_everything_is_required(
    tmp_path: Path, required: str, closing: str
) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(STRANGER, encoding="utf-8")
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
    told = {"ISTHMUS_TEST_REQUIRE": required, "AWS_REGION": "x"}
    result = run(*command, cwd=tmp_path, PYTHONPATH=str(ROOT / "tests"), **told)
    assert closing in result.stdout
