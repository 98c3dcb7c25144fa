"""What is counted, under which labels, and what it looks like to whoever scrapes."""

import subprocess
import sys

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from isthmus.call import Attempt, Outcome, Usage
from isthmus.telemetry.call_metrics import MAX_MODELS, CallMetrics
from isthmus.telemetry.exposition import rendered
from isthmus.telemetry.metrics import Histogram, Metrics
from isthmus.telemetry.series import SERIES
from isthmus.telemetry.snapshot import Snapshot, merged

ENDPOINTS = ["/v1/chat/completions", "/v1/models", "/v1/models/{id}"]
CHAT = "POST /v1/chat/completions"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def calls(metrics: Metrics) -> CallMetrics:
    return CallMetrics(metrics, ENDPOINTS, lambda: 1234.0)


def outcome(**fields) -> Outcome:
    return Outcome(**{"request_id": "r", "endpoint": CHAT, "status": 200, **fields})


def samples(snapshot: Snapshot) -> dict[tuple, float]:
    """Read the text back: the value by name and labels."""
    families = text_string_to_metric_families(rendered(snapshot).decode())
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_call_is_counted_by_what_its_client_was_told(metrics, calls):
    calls.ended(outcome(model="claude-sonnet-4-6", ending="complete", seconds=3.0))
    calls.ended(outcome(status=401))
    counted = metrics.snapshot().counters["isthmus_requests_total"]
    assert counted == {
        ("/v1/chat/completions", "claude-sonnet-4-6", "200", "complete"): 1,
        ("/v1/chat/completions", "", "401", "refused"): 1,
    }


@pytest.mark.parametrize(
    ("asked", "label"),
    [
        ("GET /v1/models", "/v1/models"),
        ("GET /v1/models/claude-opus-5", "/v1/models/{id}"),
        ("PUT /v1/models", "/v1/models"),
        ("GET /wp-login.php", "other"),
        ("GET /v1/modelsx", "other"),
    ],
)
def test_endpoint_is_one_of_the_routes(metrics, calls, asked, label):
    calls.ended(outcome(endpoint=asked))
    ((endpoint, *_),) = metrics.snapshot().counters["isthmus_requests_total"]
    assert endpoint == label


def test_names_of_models_cannot_grow_without_bound(metrics, calls):
    for number in range(100_000):
        calls.ended(outcome(model=f"claude-{number}", usage=Usage(output_tokens=1)))
    counters = metrics.snapshot().counters
    assert len(counters["isthmus_requests_total"]) == MAX_MODELS + 1
    tokens = counters["isthmus_tokens_total"]
    assert len({model for model, _ in tokens}) == MAX_MODELS + 1
    assert tokens["other", "output"] == 100_000 - MAX_MODELS


def test_tokens_are_counted_by_class(metrics, calls):
    used = Usage(
        input_tokens=1, cache_read_tokens=2, cache_write_5m_tokens=3, cache_write_1h_tokens=4,
        output_tokens=5,
    )  # fmt: skip
    calls.ended(outcome(model="m", usage=used))
    classes = {c: n for (_, c), n in metrics.snapshot().counters["isthmus_tokens_total"].items()}
    assert classes == {
        "input": 1, "cache_read": 2, "cache_write_5m": 3, "cache_write_1h": 4, "output": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "error", "result"),
    [
        ("complete", None, "ok"),
        ("client_closed", None, "client_closed"),
        ("failed", "server_draining", "server_draining"),
    ],
)
def test_attempt_is_counted_by_its_own_end(metrics, calls, ending, error, result):
    tried = [
        Attempt(upstream="a", model="m", base_url="u", error="overloaded"),
        Attempt(upstream="a", model="m", base_url="u"),
    ]
    calls.ended(outcome(attempts=tried, ending=ending, error=error))
    counted = metrics.snapshot().counters["isthmus_attempts_total"]
    assert counted == {("a", "overloaded"): 1, ("a", result): 1}


def test_streams_and_clients_that_leave_are_counted(metrics, calls):
    calls.ended(outcome(ending="client_closed", streamed=True, first_content_seconds=0.3))
    calls.ended(outcome(ending="client_closed"))
    read = samples(metrics.snapshot())
    assert read["isthmus_client_disconnects_total",] == 2
    assert read["isthmus_streams_ended_total", ("ending", "client_closed")] == 1
    assert read["isthmus_time_to_first_token_seconds_count", ("model", "")] == 1


def test_bucket_holds_what_is_as_large_as_its_bound():
    histogram = Histogram((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 9.0):
        histogram.observe((), seconds)
    assert histogram.values[()] == [2, 1, 1, 12.0]


def test_buckets_are_written_cumulatively(metrics, calls):
    for seconds in (0.001, 0.05, 10_000):
        calls.ended(outcome(seconds=seconds, ending="complete"))
    read = samples(metrics.snapshot())
    labels = (("ending", "complete"), ("endpoint", "/v1/chat/completions"))
    bucket = "isthmus_request_seconds_bucket"
    counts = [read[bucket, *labels, ("le", le)] for le in ("0.005", "0.1", "3600.0", "+Inf")]
    assert counts == [1, 2, 2, 3]
    assert read["isthmus_request_seconds_sum", *labels] == 10_000.051


def test_label_values_are_escaped(metrics):
    metrics.counter("isthmus_retries_total").add(('a"b\\c\nd',))
    written = rendered(metrics.snapshot())
    assert b'isthmus_retries_total{upstream="a\\"b\\\\c\\nd"} 1.0' in written
    assert samples(metrics.snapshot())["isthmus_retries_total", ("upstream", 'a"b\\c\nd')] == 1


def test_every_series_has_a_help_text_even_before_it_has_numbers():
    text = rendered(Snapshot()).decode()
    for series in SERIES:
        assert f"# HELP {series.name} {series.says}" in text
        assert f"# TYPE {series.name} {series.kind}" in text


def test_names_follow_the_conventions():
    for series in SERIES:
        assert series.name.startswith("isthmus_")
        assert series.name.endswith("_total") == (series.kind == "counter")
        assert series.buckets == tuple(sorted(series.buckets))
        assert bool(series.buckets) == (series.kind == "histogram")


def test_what_is_read_is_read_when_it_is_asked_for(metrics):
    values = [7.0]
    metrics.reads("isthmus_requests_in_flight", lambda: values[0])
    metrics.reads("isthmus_log_lines_dropped_total", lambda: 3)
    values[0] = 9.0
    read = samples(metrics.snapshot())
    assert read["isthmus_requests_in_flight",] == 9
    assert read["isthmus_log_lines_dropped_total",] == 3


@pytest.mark.parametrize("use", ["counter", "histogram"])
def test_series_that_the_table_does_not_have_cannot_be_used(metrics, use):
    with pytest.raises(KeyError):
        getattr(metrics, use)("isthmus_unheard_of_total")


def test_snapshot_does_not_change_after_it_was_taken(metrics, calls):
    calls.ended(outcome(seconds=1.0))
    before = metrics.snapshot()
    encoded = msgspec.msgpack.encode(before)
    calls.ended(outcome(seconds=1.0))
    assert msgspec.msgpack.encode(before) == encoded
    assert msgspec.msgpack.decode(encoded, type=Snapshot) == before


def test_workers_add_up(metrics, calls):
    calls.ended(outcome(seconds=1.0, ending="complete"))
    metrics.gauge("isthmus_requests_in_flight", 2)
    metrics.gauge("isthmus_event_loop_lag_seconds", 0.5)
    one = metrics.snapshot()
    metrics.gauge("isthmus_event_loop_lag_seconds", 0.25)
    metrics.gauge("isthmus_config_reload_success", 0)
    both = merged([one, metrics.snapshot()])
    read = samples(both)
    labels = (("ending", "complete"), ("endpoint", "/v1/chat/completions"))
    assert read["isthmus_request_seconds_count", *labels] == 2
    assert read["isthmus_requests_in_flight",] == 4
    assert read["isthmus_event_loop_lag_seconds",] == 0.5
    assert read["isthmus_config_reload_success",] == 0
    assert one.counters != both.counters


def test_worker_that_has_ended_leaves_its_counters_and_not_its_gauges(metrics, calls):
    calls.ended(outcome())
    metrics.gauge("isthmus_requests_in_flight", 2)
    read = samples(merged([metrics.snapshot().lasting(), metrics.snapshot()]))
    assert read["isthmus_requests_in_flight",] == 2
    assert sum(n for (name, *_), n in read.items() if name == "isthmus_requests_total") == 2


def test_library_is_not_imported_before_the_first_scrape():
    script = (
        "import sys, isthmus.gateway; assert 'prometheus_client' not in sys.modules;"
        "from isthmus.telemetry import exposition, snapshot;"
        "exposition.rendered(snapshot.Snapshot()); assert 'prometheus_client' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
