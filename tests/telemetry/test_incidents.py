"""What happens to upstreams, as counters and as gauges."""

import pytest

from isthmus.call import Incident
from isthmus.telemetry.call_metrics import MAX_REASONS, CallMetrics
from isthmus.telemetry.metrics import Metrics

EJECTED = "isthmus_ejected_endpoints"
QUARANTINED = "isthmus_quarantined_credentials"
PARKED = "isthmus_parked_credentials"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def seconds() -> list[float]:
    return [100.0]


@pytest.fixture
def calls(metrics: Metrics, seconds: list[float]) -> CallMetrics:
    return CallMetrics(metrics, [], lambda: seconds[0])


@pytest.mark.parametrize(
    ("kind", "series", "labels"),
    [
        ("ejected", "isthmus_ejections_total", ("a", "timeout")),
        ("cooldown", "isthmus_cooldowns_total", ("a", "timeout")),
        ("retried", "isthmus_retries_total", ("a",)),
        ("failed_over", "isthmus_failovers_total", ("a",)),
        ("hedged", "isthmus_hedges_total", ("a",)),
    ],
)
def test_incident_is_counted_by_upstream(metrics, calls, kind, series, labels):
    for _ in range(2):
        calls.noticed(Incident(kind=kind, upstream="a", base_url="u", reason="timeout"))
    assert metrics.snapshot().counters[series] == {labels: 2}


@pytest.mark.parametrize(
    ("kind", "series", "place", "other"),
    [
        ("ejected", EJECTED, {"base_url": "u1"}, {"base_url": "u2"}),
        ("quarantined", QUARANTINED, {"credential": "1"}, {"credential": "2"}),
        ("parked", PARKED, {"credential": "1"}, {"credential": "2"}),
    ],
)
def test_what_is_out_of_service_is_counted_once_until_it_recovers(
    metrics, calls, kind, series, place, other
):
    for where in (place, place, other):
        calls.noticed(Incident(kind=kind, upstream="a", **where))
    assert metrics.snapshot().gauges[series] == {("a",): 2}
    calls.noticed(Incident(kind="recovered", upstream="b", reason=kind, **place))
    calls.noticed(Incident(kind="recovered", upstream="a", reason=kind, **place))
    assert metrics.snapshot().gauges[series]["a",] == 1


def test_credential_that_recovers_leaves_the_endpoint_where_it_is(metrics, calls):
    calls.noticed(Incident(kind="ejected", upstream="a", base_url="u"))
    calls.noticed(Incident(kind="quarantined", upstream="a", credential="1"))
    calls.noticed(Incident(kind="recovered", upstream="a", credential="1", reason="quarantined"))
    gauges = metrics.snapshot().gauges
    assert (gauges[EJECTED]["a",], gauges[QUARANTINED]["a",]) == (1, 0)


def test_reloads_are_told_with_the_time_of_the_last_good_one(metrics, calls, seconds):
    seconds[0] = 200.0
    calls.noticed(Incident(kind="reload_failed", reason="line 3"))
    gauges = metrics.snapshot().gauges
    assert gauges["isthmus_config_reload_success"] == {(): 0}
    assert gauges["isthmus_config_reload_seconds"] == {(): 100}
    calls.noticed(Incident(kind="reload"))
    gauges = metrics.snapshot().gauges
    assert gauges["isthmus_config_reload_success"] == {(): 1}
    assert gauges["isthmus_config_reload_seconds"] == {(): 200}


def test_reasons_cannot_grow_without_bound(metrics, calls):
    for number in range(1000):
        calls.noticed(Incident(kind="ejected", upstream="a", base_url="u", reason=str(number)))
    assert len(metrics.snapshot().counters["isthmus_ejections_total"]) == MAX_REASONS + 1
