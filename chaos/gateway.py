"""The real command, started as an operator would, and what the system knows of its processes."""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import re
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

KEY = "chaos-key-0123456789"
_MODEL = "claude-sonnet-4-6"
_READY = 20.0
#: What must never be in the log of a gateway that only met other people's failures.
_TROUBLE = re.compile(r"Traceback|defect while|Task exception was never|never retrieved|CRITICAL")
_IN_FLIGHT = re.compile(r"^isthmus_\w*(?:in_flight|inflight)\w*(?:\{[^}]*\})? (\S+)", re.MULTILINE)

SERVER = """
[server]
host = "127.0.0.1"
port = {port}
state = "{directory}/state"
drain_delay = 0

[keys.chaos]
secret = "env:CHAOS_KEY"
"""
UPSTREAM = """
[upstreams.{name}]
kind = "anthropic"
base_urls = ["http://127.0.0.1:{port}"]
api_key = "env:CHAOS_UPSTREAM_{name}"
"""
#: So that what stalls is over soon.
TIMEOUTS = """
[upstreams.{name}.timeouts]
connect = 1
first_byte = 2
first_content = 2
stall = 2
total = 20
unary_total = 4
"""


def free_port() -> int:
    """Return a port that nobody uses, and that no outgoing connection will happen to get."""
    anywhere = random.SystemRandom()  # not where another run with this seed looks
    while True:
        port = anywhere.randint(20_000, 32_000)  # below the system's range for those
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def credential(upstream: str) -> str:
    """Return the credential that one upstream takes, and no other."""
    return f"sk-only-for-{upstream}-0123456789"


def configuration(
    directory: Path, port: int, upstreams: dict[str, int], *, patient: bool = False
) -> str:
    """Write a configuration: for each upstream a model that begins with it."""
    parts = [SERVER.format(port=port, directory=directory)]
    upstream = UPSTREAM if patient else UPSTREAM + TIMEOUTS
    parts += [upstream.format(name=name, port=at) for name, at in upstreams.items()]
    names = list(upstreams)
    for index, name in enumerate(names):
        order = names[index:] + names[:index]
        targets = ", ".join(f'{{ upstream = "{each}", model = "{_MODEL}" }}' for each in order)
        parts.append(f'[models."first-{name}"]\ntargets = [{targets}]\n')
    return "\n".join(parts)


def takes_workers() -> bool:
    """Whether the command can serve with several processes."""
    command = [sys.executable, "-m", "isthmus", "serve", "--help"]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    return "--workers" in asked.stdout


def raise_file_limit() -> int:
    """Raise this process's limit of open files, which children inherit; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Gateway:
    """A running gateway."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    @property
    def alive(self) -> bool:
        """Whether its first process runs."""
        return self.process.poll() is None

    def pids(self) -> list[int]:
        """List its processes, the first one first."""
        return list(_tree(self.process.pid))

    def workers(self) -> list[int]:
        """List the processes that its first process started."""
        return self.pids()[1:]

    def files(self) -> int:
        """Count what its processes have open."""
        return sum(_count(Path(f"/proc/{pid}/fd")) for pid in self.pids())

    async def settled_files(self, seconds: float) -> int:
        """Count them when the count has not changed for so long: all workers have started."""
        before, since = self.files(), time.monotonic()
        while time.monotonic() - since < seconds:
            await asyncio.sleep(0.05)
            if (now := self.files()) != before:
                before, since = now, time.monotonic()
        return before

    def memory(self) -> float:
        """Return the proportional set size of its processes, in megabytes."""
        return sum(_pss(pid) for pid in self.pids()) / 1024

    def in_flight(self) -> float | None:
        """Return how many calls its metrics say are under way; None: it has no metrics."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port + 1, timeout=2)
        try:
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            text = response.read().decode()
        except OSError:
            return None
        finally:
            connection.close()
        found = _IN_FLIGHT.findall(text) if response.status == 200 else []
        return sum(map(float, found)) if found else None

    def trouble(self) -> list[str]:
        """Return the lines of its log that speak of a defect."""
        return [line for line in self.log.read_text().splitlines() if _TROUBLE.search(line)]


@contextmanager
def running(
    directory: Path, upstreams: dict[str, int], *, workers: int = 1, patient: bool = False
) -> Generator[Gateway]:
    """Run ``isthmus serve`` before upstreams at these ports of loopback.

    ``patient``: with the timeouts it has of itself, not with those that are over soon.
    """
    port = free_port()
    config, log = directory / "isthmus.toml", directory / "gateway.log"
    config.write_text(configuration(directory, port, upstreams, patient=patient))
    environment = {**os.environ, "CHAOS_KEY": KEY}
    environment |= {f"CHAOS_UPSTREAM_{name}": credential(name) for name in upstreams}
    command = [sys.executable, "-m", "isthmus", "serve", "--config", str(config)]
    if workers > 1:
        command += ["--workers", str(workers)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _wait_until_ready(process, port, log)
        yield Gateway(process, port, log)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.02)
        finally:
            connection.close()
    raise RuntimeError(f"the gateway did not start: {log.read_text()}")


def _tree(pid: int) -> Generator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended
        children = []
    for child in children:
        yield from _tree(int(child))


def _count(directory: Path) -> int:
    try:
        return sum(1 for _ in directory.iterdir())
    except OSError:
        return 0


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
