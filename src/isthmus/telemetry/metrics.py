"""The counters of one process: dictionaries, so that a step costs a fraction of a microsecond.

Nothing here is written out; `snapshot` copies it, `exposition` makes text of that.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from isthmus.telemetry.series import BY_NAME, SERIES, Kind
from isthmus.telemetry.snapshot import Labels, Snapshot


class Counter:
    """Numbers that only grow, one for each set of labels."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[Labels, float] = {}

    def add(self, labels: Labels = (), by: float = 1) -> None:
        """Count ``by`` more."""
        values = self.values
        values[labels] = values.get(labels, 0) + by


class Histogram:
    """How many observations fell into each of a fixed list of buckets, and their sum."""

    __slots__ = ("_buckets", "values")

    def __init__(self, buckets: tuple[float, ...]) -> None:
        self._buckets = buckets
        self.values: dict[Labels, list[float]] = {}

    def observe(self, labels: Labels, value: float) -> None:
        """Count one observation."""
        counts = self.values.get(labels)
        if counts is None:
            counts = self.values[labels] = [0] * (len(self._buckets) + 2)
        counts[bisect_left(self._buckets, value)] += 1
        counts[-1] += value


class Metrics:
    """All series of one process, by the names of `series`; another name is a `KeyError`."""

    def __init__(self) -> None:
        self._counters = {s.name: Counter() for s in SERIES if s.kind == "counter"}
        self._histograms = {s.name: Histogram(s.buckets) for s in SERIES if s.kind == "histogram"}
        self._gauges = {s.name: dict[Labels, float]() for s in SERIES if s.kind == "gauge"}
        self._read: dict[str, Callable[[], float]] = {}

    def counter(self, name: str) -> Counter:
        """Return a counter, to be kept by whoever counts."""
        return self._counters[name]

    def histogram(self, name: str) -> Histogram:
        """Return a histogram, to be kept by whoever observes."""
        return self._histograms[name]

    def gauge(self, name: str, value: float, labels: Labels = ()) -> None:
        """Set a gauge."""
        self._gauges[name][labels] = value

    def reads(self, name: str, read: Callable[[], float]) -> None:
        """Let a counter or a gauge without labels be what ``read`` returns when it is asked for."""
        self._read[BY_NAME[name].name] = read

    def snapshot(self) -> Snapshot:
        """Copy everything as it is now."""
        snapshot = Snapshot(
            counters={name: dict(c.values) for name, c in self._counters.items()},
            histograms={
                name: {labels: list(counts) for labels, counts in h.values.items()}
                for name, h in self._histograms.items()
            },
            gauges={name: dict(values) for name, values in self._gauges.items()},
        )
        places: dict[Kind, dict[str, dict[Labels, float]]] = {
            "counter": snapshot.counters,
            "gauge": snapshot.gauges,
        }
        for name, read in self._read.items():
            places[BY_NAME[name].kind][name][()] = read()
        return snapshot
