"""Whether an event costs the same, however many streams it may have come from."""

from __future__ import annotations

import time
from statistics import median

import processes
from budget import Row, ratio
from processes import KEY
from stage import Server

#: How many streams; each has its events so far apart that all together bring as many.
COUNTS = (10, 100, 500, 2000)
EVENTS_PER_SECOND = 2000
_SECONDS = 2.0
_ENDLESS = 1_000_000


class Crowding:
    """CPU per event of paced streams, as many events a second from few streams as from many."""

    def __init__(self, gateway: Server, most_streams: int, *, quick: bool) -> None:
        self._gateway = gateway
        most = min(most_streams, 100) if quick else most_streams
        self._counts = [count for count in COUNTS if count <= most]
        self._cost: dict[int, list[float]] = {count: [] for count in self._counts}

    def round(self, scale: float) -> None:
        """Measure each number of streams, while none begins or ends."""
        gateway = self._gateway
        for count in self._counts:
            pace_ms = 1000 * count // EVENTS_PER_SECOND
            given = ("hold", gateway.dialect, count, 0, KEY, _ENDLESS, pace_ms)
            with processes.holding(gateway.port, *given) as events:
                came, spent = events(), processes.cpu_us(gateway.process)
                time.sleep(_SECONDS * scale)
                spent = processes.cpu_us(gateway.process) - spent
                self._cost[count].append(spent / (events() - came))

    def rows(self) -> list[Row]:
        """Compare each number of streams with the fewest; the budget is for the most."""
        fewest, *more = self._counts
        return [
            Row(
                what=f"{count} streams",
                key="flat_ratio" if count == more[-1] else "",
                figure=ratio(self._cost[count], self._cost[fewest]),
                ours=f"{median(self._cost[count]):.2f} us/event",
                others=f"{fewest}: {median(self._cost[fewest]):.2f} us/event",
            )
            for count in more
        ]
