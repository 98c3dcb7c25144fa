"""The gateway beside nginx, which passes the same upstream through without translating it."""

from __future__ import annotations

from statistics import median

from budget import Row
from stage import Server

#: What is asked of both: connections, seconds, and for streams deltas and milliseconds.
LOADS: dict[str, tuple[int, float, tuple[int, ...]]] = {
    "whole": (32, 2.0, ()),
    "burst": (16, 2.0, (200,)),
    "paced": (10, 3.0, (100, 20)),
}
UNITS = {"whole": "us/request", "burst": "us/event", "paced": "us/event"}


class Beside:
    """CPU per request and event of both, under the same loads, one after the other."""

    def __init__(self, gateway: Server, nginx: Server) -> None:
        self._servers = {"isthmus": gateway, "nginx": nginx}
        self._cost: dict[str, dict[str, list[float]]] = {
            mode: {name: [] for name in self._servers} for mode in LOADS
        }
        for server in self._servers.values():
            server.warm_up()

    def round(self, scale: float) -> None:
        """Measure every load on both, for so much of the usual time."""
        for mode, (connections, seconds, rest) in LOADS.items():
            for name, server in self._servers.items():
                spent, counted = server.spent(mode, connections, seconds * scale, *rest)
                units = counted["answers"] if mode == "whole" else counted["events"]
                self._cost[mode][name].append(spent / units)

    def rows(self) -> list[Row]:
        """Return the medians."""
        rows: list[Row] = []
        for mode, cost in self._cost.items():
            ours, theirs = median(cost["isthmus"]), median(cost["nginx"])
            # What is done for an event in a burst is hardly more than copying it, for nginx.
            key, figure = (
                ("burst_us", ours) if mode == "burst" else (f"{mode}_ratio", ours / theirs)
            )
            shown = (f"{ours:.2f} {UNITS[mode]}", f"nginx {theirs:.2f} {UNITS[mode]}")
            rows.append(Row(what=mode, key=key, figure=figure, ours=shown[0], others=shown[1]))
        return rows


class Latency:
    """How much later an answer comes through the gateway than from the mock itself."""

    _SECONDS, _PER_SECOND = 3.0, 20

    def __init__(self, gateway: Server, nginx: Server, mock: Server) -> None:
        self._servers = {"isthmus": gateway, "nginx": nginx, "direct": mock}
        self._p50_ms: dict[str, list[float]] = {name: [] for name in self._servers}

    def round(self, scale: float) -> None:
        """Ask each, one after the other."""
        for name, server in self._servers.items():
            counted = server.load("rated", 8, self._SECONDS * scale, self._PER_SECOND)
            self._p50_ms[name].append(counted["p50_us"] / 1000)

    def rows(self) -> list[Row]:
        """Return the medians of the rounds, and what the gateway adds."""
        ours, nginx, direct = (
            median(self._p50_ms[name]) for name in ("isthmus", "nginx", "direct")
        )
        return [
            Row(
                what="added latency p50",
                key="added_p50_ms",
                figure=ours - direct,
                ours=f"{ours:.2f} ms",
                others=f"direct {direct:.2f}, nginx {nginx:.2f} ms",
            )
        ]
