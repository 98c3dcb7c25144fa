"""Starts what is measured, pinned to its core, and reads what it spent."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent
BIN = HERE / "bin"
KEY = "sk-bench-key-0123456789"
#: Everything measured runs on the first core, the mock and the load client on the second.
MEASURED, OTHERS = map(int, os.environ.get("BENCH_CORES", "0,1").split(","))
NOTHING: Mapping[str, str] = {}
#: Seconds until a server has to answer.
_PATIENCE = 10

Process = subprocess.Popen[bytes]


class WrongAnswer(Exception):
    """The load client saw an answer that is not right; says what it saw."""


def missing() -> str | None:
    """Say what has to be installed first; None when all is there."""
    wanted = [
        name for name, command in (("nginx-light", "nginx"), ("gcc", "cc")) if not which(command)
    ]
    return f"make bench needs: apt-get install {' '.join(wanted)}" if wanted else None


def which(command: str) -> str | None:
    """Find a command; servers are often outside of a user's path."""
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def compile_tools() -> None:
    """Compile the mock and the load client where their source is newer."""
    BIN.mkdir(exist_ok=True)
    for name in ("mock", "load"):
        source, target = HERE / f"{name}.c", BIN / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-o", target, source], check=True)


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def listens(port: int) -> bool:
    """Say whether a connection to the port is taken."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def serves(port: int) -> bool:
    """Say whether a gateway at the port answers that it is ready."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as probe:
            probe.sendall(b"GET /readyz HTTP/1.1\r\nhost: bench\r\n\r\n")
            return probe.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


@contextmanager
def spawned(
    command: list[str | Path], core: int, log: Path, environment: Mapping[str, str] = NOTHING
) -> Generator[Process]:
    """Run a command on one core until the block ends; it may not listen yet."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            env={**os.environ, "BENCH_KEY": KEY, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


@contextmanager
def started(
    command: list[str | Path],
    core: int,
    log: Path,
    ready: Callable[[], bool],
    environment: Mapping[str, str] = NOTHING,
) -> Generator[Process]:
    """Run a server on one core until the block ends; it begins when the server is ready."""
    with spawned(command, core, log, environment) as process:
        _wait(process, ready, log)
        yield process


def _end(process: Process) -> None:
    """Ask a process and all it started to leave; insist after ten seconds."""
    for wish in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, wish)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return


def _wait(process: Process, ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return
        time.sleep(0.002)
    sys.exit(f"bench: {process.args} did not start: {log.read_text()}")


def ask(
    port: int, *arguments: object, environment: Mapping[str, str] = NOTHING
) -> dict[str, float]:
    """Run the load client; return what it counted. Raises WrongAnswer."""
    ended = subprocess.run(
        _load_command(port, arguments),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    if ended.returncode:
        raise WrongAnswer(ended.stderr.strip())
    return json.loads(ended.stdout)


def load(port: int, *arguments: object) -> dict[str, float]:
    """Run the load client; return what it counted. A wrong answer ends the run."""
    try:
        return ask(port, *arguments)
    except WrongAnswer as wrong:
        sys.exit(f"bench: {wrong}")


@contextmanager
def holding(port: int, *arguments: object) -> Generator[Callable[[], int]]:
    """Hold streams open until the block ends; gives what counts the events that have come.

    The block begins when every stream has brought something.
    """
    command = _load_command(port, arguments)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        told, asked = process.stdout, process.stdin
        if told is None or asked is None or not told.readline():
            sys.exit("bench: the streams could not be opened")

        def events() -> int:
            asked.write("\n")
            asked.flush()
            line = told.readline()
            return json.loads(line)["events"] if line else sys.exit("bench: a stream broke")

        yield events


def _load_command(port: int, arguments: tuple[object, ...]) -> list[str | Path]:
    return ["taskset", "-c", str(OTHERS), BIN / "load", str(port), *map(str, arguments)]


def cpu_us(process: Process) -> float:
    """Return the processor time of a process and its children so far, in microseconds."""
    return sum(_thread_us(pid) for pid in tree(process.pid))


def pss_kib(process: Process) -> int:
    """Return the proportional set size of a process and its children."""
    total = 0
    for pid in tree(process.pid):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in tree(int(child)))]


def _thread_us(pid: int) -> float:
    stats = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(stat.read_text().split()[0]) for stat in stats) / 1000
