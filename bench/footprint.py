"""What a gateway takes that does nothing yet, and what each open stream adds."""

from __future__ import annotations

import time
from contextlib import ExitStack
from statistics import median

import processes
from budget import Row
from processes import KEY
from stage import Server, Stage

#: Seconds after which a gateway that was just started has settled.
_SETTLED = 10
_STARTS = 5
_STREAMS = 1000
#: Milliseconds between two events of a stream that only just lives.
_PACE_MS = 2000
_ENDLESS = 1_000_000


class Footprint:
    """Gateways of their own, so that nothing was left behind in them. ``starts``: how many."""

    def __init__(self, stage: Stage, most_streams: int, *, quick: bool) -> None:
        self._streams = min(most_streams, 100 if quick else _STREAMS)
        starts = []
        for _ in range(1 if quick else _STARTS):
            with ExitStack() as stack:
                starts.append(stage.gateway(stack=stack).start_seconds)
        with ExitStack() as stack:
            gateway = stage.gateway(stack=stack)
            self._start_seconds = median([*starts, gateway.start_seconds])
            time.sleep(1 if quick else _SETTLED)
            self._idle_mb = processes.pss_kib(gateway.process) / 1024
            self._processes = len(processes.tree(gateway.process.pid))
            self._stream_kib = self._per_stream(gateway)

    def _per_stream(self, gateway: Server) -> float:
        """Return by how much memory grows for each stream. The kernel's buffers are not in it."""
        self._hold(gateway, 1)
        before = processes.pss_kib(gateway.process)
        return (self._hold(gateway, self._streams) - before) / self._streams

    def _hold(self, gateway: Server, streams: int) -> int:
        given = ("hold", gateway.dialect, streams, 0, KEY, _ENDLESS, _PACE_MS)
        with processes.holding(gateway.port, *given):
            return processes.pss_kib(gateway.process)

    def rows(self) -> list[Row]:
        """Return what was found."""
        figures = (
            ("ready after", "start_seconds", self._start_seconds, "s"),
            ("idle memory", "idle_mb", self._idle_mb, "MB (PSS)"),
            ("idle processes", "idle_processes", self._processes, ""),
            (f"of {self._streams} streams, each", "stream_kib", self._stream_kib, "KiB (PSS)"),
        )
        return [
            Row(what=what, key=key, figure=figure, ours=f"{figure:.2f} {unit}")
            for what, key, figure, unit in figures
        ]
