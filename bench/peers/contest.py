"""Starts one server at a time, checks what it answers, and measures what that costs."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import processes
from peers import installs
from peers.figures import Figures
from peers.roster import Peer
from processes import KEY, MEASURED, WrongAnswer

#: Seconds a server has until its first right answer.
_PATIENCE = 90.0
#: What one round asks: connections, seconds, and then deltas and milliseconds, or the rate.
LOADS: dict[str, tuple[int, float, tuple[int, ...]]] = {
    "whole": (32, 2.0, ()),
    "rated": (8, 5.0, (20,)),
    "burst": (16, 2.0, (200,)),
    "paced": (10, 3.0, (100, 20)),
}
#: What is asked before anything is measured: every answer is checked, and caches are filled.
CHECKS: dict[str, tuple[int, float, tuple[int, ...]]] = {
    "whole": (16, 1.0, ()),
    "burst": (8, 0.5, (200,)),
    "paced": (4, 0.2, (10, 20)),
}
MEANING = {"whole": "whole answers", "burst": "streams in bursts", "paced": "paced streams"}


class NotStarted(Exception):
    """A server never gave a right answer; says what it wrote last."""


class Server:
    """One server that runs: asks it through the load client."""

    def __init__(self, peer: Peer, process: Popen[bytes], port: int, mock: int) -> None:
        self.peer = peer
        self.process = process
        self.port = port
        self.environment = {
            "LOAD_PATH": peer.path,
            "LOAD_MODEL": peer.model,
            "LOAD_HEADERS": peer.headers.format(mock=mock),
        }

    def ask(self, mode: str, connections: int, seconds: float, rest: tuple[int, ...]) -> Cost:
        """Put one load on the server; return its cost. Raises WrongAnswer."""
        before = processes.cpu_us(self.process)
        counted = processes.ask(
            *(self.port, mode, self.peer.dialect, connections, seconds, KEY, *rest),
            environment=self.environment,
        )
        return Cost(processes.cpu_us(self.process) - before, counted)

    def failures(self) -> dict[str, str]:
        """Check answers in every mode; return how they are wrong, by mode."""
        wrong: dict[str, str] = {}
        for mode, load in CHECKS.items():
            try:
                self.ask(mode, *load)
            except WrongAnswer as answer:
                wrong[mode] = f"{MEANING[mode]}: {summary(str(answer))}"
        return wrong


class Cost:
    """Processor time spent for what the load client counted."""

    def __init__(self, spent_us: float, counted: Mapping[str, float]) -> None:
        self.per_answer = spent_us / counted["answers"]
        self.per_event = spent_us / (counted["events"] or 1)
        self.p50_ms = counted["p50_us"] / 1000
        self.p99_ms = counted["p99_us"] / 1000


def summary(wrong: str) -> str:
    """Return one line for what the load client saw: what is wrong, the status and the body."""
    complaint, _, answer = wrong.removeprefix("load: ").partition("\n")
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")
    status = head.partition("\n")[0].removeprefix("HTTP/1.1 ")
    return " - ".join(part for part in (complaint, status, body.strip()[:160]) if part)


def measured(peer: Peer, mock: int, scale: float) -> tuple[Figures, tuple[str, ...]]:
    """Run one round of a peer; return its figures and what was wrong. Raises NotStarted."""
    with tempfile.TemporaryDirectory() as directory, running(peer, mock, Path(directory)) as begun:
        server, start_s = begun
        wrong = server.failures()
        cost: dict[str, Cost] = {}
        for mode, (connections, seconds, rest) in LOADS.items():
            if ("whole" if mode == "rated" else mode) in wrong:
                continue
            try:
                cost[mode] = server.ask(mode, connections, seconds * scale, rest)
            except WrongAnswer as answer:
                wrong[mode] = summary(str(answer))
        memory = processes.pss_kib(server.process) / 1024
    return _figures(cost, memory, start_s), tuple(wrong.values())


def _figures(cost: Mapping[str, Cost], memory_mb: float, start_s: float) -> Figures:
    def of(mode: str, figure: Callable[[Cost], float]) -> float | None:
        return figure(cost[mode]) if mode in cost else None

    return Figures(
        whole_us=of("whole", lambda it: it.per_answer),
        rated_us=of("rated", lambda it: it.per_answer),
        p50_ms=of("rated", lambda it: it.p50_ms),
        p99_ms=of("rated", lambda it: it.p99_ms),
        burst_us=of("burst", lambda it: it.per_event),
        paced_us=of("paced", lambda it: it.per_event),
        memory_mb=memory_mb,
        start_s=start_s,
    )


@contextmanager
def running(peer: Peer, mock: int, directory: Path) -> Generator[tuple[Server, float]]:
    """Run a peer in front of the mock until the block ends; give the seconds it took to answer."""
    port = processes.free_port()
    known = {
        "port": str(port),
        "mock": str(mock),
        "directory": str(directory),
        "installed": str(installs.place_of(peer)),
    }
    for name, text in peer.files.items():
        (directory / name).write_text(text.format(**known))
    command: list[str | Path] = [word.format(**known) for word in peer.command]
    command[0] = installs.program(str(command[0])) or command[0]
    log = directory / "log"
    begun = time.monotonic()
    with processes.spawned(command, MEASURED, log, peer.environment) as process:
        own_port = directory / "port" if known_later(peer) else None
        port = _first_answer(peer, Server(peer, process, port, mock), own_port, log)
        yield Server(peer, process, port, mock), time.monotonic() - begun


def known_later(peer: Peer) -> bool:
    """Whether a peer chooses its port and writes it to the file `port`."""
    return "{directory}/port" in peer.command


def _first_answer(peer: Peer, server: Server, own_port: Path | None, log: Path) -> int:
    """Wait until a peer answers with 200; return its port."""
    deadline = time.monotonic() + _PATIENCE
    port = server.port
    while time.monotonic() < deadline and server.process.poll() is None:
        time.sleep(0.005)
        if own_port is not None:
            if not own_port.exists():
                continue
            port = int(own_port.read_text())
        if _answers(peer, port, server.environment["LOAD_HEADERS"]):
            return port
    last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it wrote nothing"]
    raise NotStarted(f"gave no answer in {_PATIENCE:.0f} s: {last[0][:200]}")


def _answers(peer: Peer, port: int, headers: str) -> bool:
    body = {
        "model": peer.model,
        "max_tokens": 16,
        "messages": [{"role": "user", "content": "Hello there."}],
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{peer.path}",
        json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
        | dict(line.split(": ", 1) for line in headers.splitlines()),
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False
