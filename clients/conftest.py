"""The clients as they are installed, and a gateway on its sandbox for them to talk to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from factories.gateway import Gateway, running

ROOT = Path(__file__).parents[1]
BIN = ROOT / "build" / "clients" / "node_modules" / ".bin"
SANDBOX = '[upstreams.box]\nkind = "sandbox"\n'

Run = Callable[..., str]


@pytest.fixture
def gateway(tmp_path: Path) -> Generator[Gateway]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    with running(folder, SANDBOX) as started:
        yield started


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a client in an empty home, in a folder of its own; return what it said."""
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()

    def start(name: str, *arguments: str, **environment: str) -> str:
        program = BIN / name
        if not program.exists():
            pytest.fail(f"{name} is not installed: run `make clients`")
        base = {"PATH": os.environ["PATH"], "HOME": str(home), **environment}
        ended = subprocess.run(
            [program, *arguments],
            cwd=folder,
            env=base,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return start


@pytest.fixture
def asked(gateway: Gateway) -> Callable[[str], list[str]]:
    """Return the log lines of all calls to an endpoint."""

    def lines(endpoint: str) -> list[str]:
        return [line for line in gateway.logged().splitlines() if f" endpoint={endpoint} " in line]

    return lines
