"""Measures what one process of the gateway needs for many streams at once."""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import processes
from peers import contest
from peers.roster import PEERS

#: Streams, and how often each has an event: a core is then as busy as in a plan, or nearly.
STREAMS, EVERY_MS = 300, 50
#: So many events has a stream; and when, in seconds, all have begun and none has ended.
EVENTS, MIDDLE = 120, 4.0
ANSWERS = (32, 3.0, ())
ROUNDS = 3


def measured() -> dict[str, float]:
    """Return the figures of `[measured]` in `sizing.toml`."""
    processes.compile_tools()
    [peer] = [peer for peer in PEERS if peer.key == "isthmus"]
    with tempfile.TemporaryDirectory() as name:
        directory, mock = Path(name), processes.free_port()
        command: list[str | Path] = [processes.BIN / "mock", str(mock)]
        with (
            processes.started(
                command, processes.OTHERS, directory / "mock.log", lambda: processes.listens(mock)
            ),
            contest.running(peer, mock, directory) as (server, _),
        ):
            return _figures(server)


def _figures(server: contest.Server) -> dict[str, float]:
    if wrong := server.failures():
        raise processes.WrongAnswer("; ".join(wrong.values()))
    answers = [server.ask("whole", *ANSWERS).per_answer for _ in range(ROUNDS)]
    before_mb = processes.pss_kib(server.process) / 1024
    streams = [_streams(server) for _ in range(ROUNDS)]
    heap_kb = [(during_mb - before_mb) * 1024 / STREAMS for _, during_mb in streams]
    return {
        "cpu_us_per_event": _two_digits(statistics.median(cost for cost, _ in streams)),
        "cpu_us_per_answer": _two_digits(statistics.median(answers)),
        "heap_kb_per_stream": _two_digits(max(heap_kb)),
        "memory_mb_per_process": round(before_mb),
    }


def _streams(server: contest.Server) -> tuple[float, float]:
    """Run all streams once; return the CPU for an event, and the memory in their middle."""
    with ThreadPoolExecutor(1) as background:
        running = background.submit(server.ask, "paced", STREAMS, 0.0, (EVENTS, EVERY_MS))
        time.sleep(MIDDLE)
        during_mb = processes.pss_kib(server.process) / 1024
        return running.result().per_event, during_mb


def _two_digits(value: float) -> float:
    return float(f"{value:.2g}")
