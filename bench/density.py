"""Measures what one process of the gateway needs for many streams at once."""

from __future__ import annotations

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


def measured() -> dict[str, float]:
    """Return the figures of `[measured]` in `sizing.toml`."""
    processes.compile_tools()
    [peer] = [peer for peer in PEERS if peer.key == "isthmus"]
    with tempfile.TemporaryDirectory() as name:
        directory, mock = Path(name), processes.free_port()
        command: list[str | Path] = [processes.BIN / "mock", str(mock)]
        with (
            processes.started(command, processes.OTHERS, mock, directory / "mock.log"),
            contest.running(peer, mock, directory) as (server, _),
        ):
            return _figures(server)


def _figures(server: contest.Server) -> dict[str, float]:
    answers = server.ask("whole", *ANSWERS)
    before_mb = processes.pss_mb(server.process)
    with ThreadPoolExecutor(1) as background:
        # No seconds: every stream runs once.
        running = background.submit(server.ask, "paced", STREAMS, 0.0, (EVENTS, EVERY_MS))
        time.sleep(MIDDLE)
        during_mb = processes.pss_mb(server.process)
        streams = running.result()
    return {
        "cpu_us_per_event": float(f"{streams.per_event:.2g}"),
        "cpu_us_per_answer": float(f"{answers.per_answer:.2g}"),
        "heap_kb_per_stream": float(f"{(during_mb - before_mb) * 1024 / STREAMS:.2g}"),
        "memory_mb_per_process": round(before_mb),
    }
