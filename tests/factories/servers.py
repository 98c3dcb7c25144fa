"""PostgreSQL and Redis, as Debian packages them, on free ports of the loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from msgspec import Struct


class RunningServer(Struct):
    """A server that was started for tests, and how to start it again."""

    url: str
    command: list[str]
    answers: Callable[[], bool]
    process: subprocess.Popen[bytes]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all it has started."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End it as a crash would."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def start(self) -> None:
        """Start it anew, and wait until it answers."""
        self.process = subprocess.Popen(
            self.command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 20
        while not self.answers():
            assert time.monotonic() < deadline, f"{self.command[0]} does not answer"
            time.sleep(0.02)


@contextmanager
def postgres() -> Generator[RunningServer]:
    """Run PostgreSQL with a new database. Skips where it is not installed."""
    binaries = _postgres_binaries()
    folder = Path(tempfile.mkdtemp(prefix="isthmus-pg-"))
    user = _without_root(folder)
    data, port = folder / "data", _free_port()
    create = [*user, str(binaries / "initdb"), "-D", str(data), "-U", "isthmus", "-A", "trust"]
    subprocess.run([*create, "-E", "UTF8", "--no-sync"], check=True, capture_output=True)
    options = ["-p", str(port), "-k", "", "-h", "127.0.0.1", "-c", "max_connections=200"]
    url = f"postgresql://isthmus@127.0.0.1:{port}/postgres"
    command = [*user, str(binaries / "postgres"), "-D", str(data), *options]
    with _running(url, command, lambda: _postgres_answers(url)) as server:
        yield server
    shutil.rmtree(folder)


@contextmanager
def redis() -> Generator[RunningServer]:
    """Run Redis, which keeps nothing on disk. Skips where it is not installed."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        pytest.skip("needs redis-server (Debian: apt-get install redis-server)")
    port = _free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    url = f"redis://127.0.0.1:{port}/0"
    with _running(url, command, lambda: _listens(port)) as server:
        yield server


@contextmanager
def _running(url: str, command: list[str], answers: Callable[[], bool]) -> Generator[RunningServer]:
    server = RunningServer(url, command, answers, None)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.signal(signal.SIGCONT)
        server.kill()


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("needs PostgreSQL's server (Debian: apt-get install postgresql)")
    return found[-1].parent if found else Path(on_path or "").parent


def _without_root(folder: Path) -> list[str]:
    """Return what runs a command as another user where this one is root, which it refuses."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
