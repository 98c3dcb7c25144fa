"""Metrics as text, in the format that Prometheus scrapes (0.0.4).

The library is imported when the first text is asked for: a gateway that nobody scrapes starts
without it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from isthmus.telemetry.metrics import Metrics
from isthmus.telemetry.series import SERIES, Series
from isthmus.telemetry.snapshot import Labels, Snapshot, decoded, merged

if TYPE_CHECKING:
    from prometheus_client import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def rendered(snapshot: Snapshot) -> bytes:
    """Write a snapshot out. Takes milliseconds, the first time a tenth of a second."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot))
    return generate_latest(registry)


async def written(metrics: Metrics) -> bytes:
    """Write out what is counted now; on a thread, since the event loop has better things to do."""
    return await asyncio.to_thread(rendered, metrics.snapshot())


async def written_by_all(counts: Callable[[], Awaitable[list[tuple[bool, bytes]]]]) -> bytes:
    """Write out what several processes have counted: each `encoded`, and whether it still lives."""
    told = [(alive, decoded(snapshot)) for alive, snapshot in await counts()]
    whole = merged(snapshot if alive else snapshot.lasting() for alive, snapshot in told)
    return await asyncio.to_thread(rendered, whole)


class _Collector:
    """Tells the library of a snapshot; series without numbers are told by name and help."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def describe(self) -> list[Metric]:
        """Say beforehand what there will be: nothing, for the registry belongs to us alone."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give every series in the table's order."""
        for series in SERIES:
            if series.kind == "histogram":
                yield _histogram(series, self._snapshot.histograms.get(series.name, {}))
            elif series.kind == "counter":
                yield _counter(series, self._snapshot.counters.get(series.name, {}))
            else:
                yield _gauge(series, self._snapshot.gauges.get(series.name, {}))


def _counter(series: Series, numbers: dict[Labels, float]) -> Metric:
    from prometheus_client.metrics_core import CounterMetricFamily  # noqa: PLC0415

    family = CounterMetricFamily(series.name, series.says, labels=series.labels)
    for labels, number in numbers.items():
        family.add_metric(labels, number)
    return family


def _gauge(series: Series, numbers: dict[Labels, float]) -> Metric:
    from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: PLC0415

    family = GaugeMetricFamily(series.name, series.says, labels=series.labels)
    for labels, number in numbers.items():
        family.add_metric(labels, number)
    return family


def _histogram(series: Series, distributions: dict[Labels, list[float]]) -> Metric:
    from prometheus_client.metrics_core import HistogramMetricFamily  # noqa: PLC0415

    bounds = [*map(str, series.buckets), "+Inf"]
    family = HistogramMetricFamily(series.name, series.says, labels=series.labels)
    for labels, (*counts, total) in distributions.items():
        up_to = itertools.accumulate(counts)
        family.add_metric(labels, buckets=list(zip(bounds, up_to, strict=True)), sum_value=total)
    return family
