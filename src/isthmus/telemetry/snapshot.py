"""All that one process has counted, as plain data: it can be sent, added up and written out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct, field, msgpack

from isthmus.telemetry.series import BY_NAME

#: The values of a series' labels, in its order.
Labels = tuple[str, ...]
Numbers = dict[str, dict[Labels, float]]
#: For each set of labels: how many were in each bucket, how many were larger, and the sum.
Distributions = dict[str, dict[Labels, list[float]]]

_MERGES: dict[str, Callable[[float, float], float]] = {
    "sum": lambda one, other: one + other,
    "max": max,
    "min": min,
}


class Snapshot(Struct, kw_only=True):
    """What was counted, by the series' names. Can be encoded with `msgspec.msgpack`."""

    counters: Numbers = field(default_factory=Numbers)
    histograms: Distributions = field(default_factory=Distributions)
    gauges: Numbers = field(default_factory=Numbers)

    def lasting(self) -> Snapshot:
        """Return what stays true when the process has ended: all but the gauges."""
        return Snapshot(counters=self.counters, histograms=self.histograms)


def encoded(snapshot: Snapshot) -> bytes:
    """Write a snapshot so that another process can read it."""
    return msgpack.encode(snapshot)


def decoded(data: bytes) -> Snapshot:
    """Read what `encoded` wrote."""
    return msgpack.decode(data, type=Snapshot)


def condensed(snapshots: Iterable[bytes]) -> bytes:
    """Put together what processes that have ended had counted, each `encoded`."""
    return encoded(merged(decoded(data) for data in snapshots).lasting())


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Put together what several processes have counted; the arguments stay as they are."""
    whole = Snapshot()
    for snapshot in snapshots:
        for name, numbers in snapshot.counters.items():
            _add(whole.counters.setdefault(name, {}), numbers, _MERGES["sum"])
        for name, numbers in snapshot.gauges.items():
            merge = BY_NAME[name].merge if name in BY_NAME else "sum"
            _add(whole.gauges.setdefault(name, {}), numbers, _MERGES[merge])
        for name, distributions in snapshot.histograms.items():
            known = whole.histograms.setdefault(name, {})
            for labels, counts in distributions.items():
                before = known.get(labels, [0.0] * len(counts))
                known[labels] = [a + b for a, b in zip(before, counts, strict=True)]
    return whole


def _add(
    into: dict[Labels, float],
    numbers: dict[Labels, float],
    merge: Callable[[float, float], float],
) -> None:
    for labels, number in numbers.items():
        into[labels] = merge(into[labels], number) if labels in into else number
