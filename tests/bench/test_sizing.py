from __future__ import annotations

import math

import pytest

import marked
import sizing
from sizing import Inputs

GIVEN = Inputs(
    streams=10_000,
    events_per_second=10,
    stream_seconds=20,
    cpu_us_per_event=90,
    cpu_us_per_answer=2_000,
    heap_kb_per_stream=32,
    memory_mb_per_process=50,
    utilisation=0.5,
    connections_per_process=4_000,
    processes_per_pod=4,
    spare=0.5,
    limit_operations_per_stream=3,
    redis_operations_per_second=1_000,
    ledger_rows_per_stream=1,
    ledger_row_bytes=400,
    postgres_rows_per_second=2_000,
    ledger_days=30,
)


def test_a_core_carries_streams_until_it_is_as_busy_as_it_may_be() -> None:
    # One stream: 10 events of 90 us and a twentieth of 2000 us each second make a thousandth.
    assert sizing.plan(GIVEN).streams_per_process == 500
    assert sizing.plan(GIVEN._replace(utilisation=1.0)).streams_per_process == 1_000


def test_connections_may_be_what_is_scarce() -> None:
    scarce = sizing.plan(GIVEN._replace(connections_per_process=300))
    assert (scarce.streams_by_cpu, scarce.streams_per_process) == (500, 150)
    assert scarce.processes == math.ceil(10_000 / 150)


def test_pods_hold_the_processes_and_the_spare_ones() -> None:
    need = sizing.plan(GIVEN)
    assert (need.processes, need.pods) == (20, 8)


def test_memory_grows_with_the_streams_of_a_process() -> None:
    need = sizing.plan(GIVEN)
    assert need.process_mb == pytest.approx(50 + 500 * 32 / 1024)
    assert need.memory_gb == pytest.approx(20 * need.process_mb / 1024)


def test_redis_and_postgresql_follow_the_streams_that_begin() -> None:
    need = sizing.plan(GIVEN)
    assert need.starts_per_second == 500
    assert (need.limit_operations, need.redis_primaries) == (1_500, 3)
    assert (need.ledger_rows, need.postgres_primaries) == (500, 1)
    assert need.ledger_tb == pytest.approx(500 * 86_400 * 30 * 400 / 1e12)


def test_the_page_says_what_the_formula_gives_for_the_inputs() -> None:
    page = marked.PAGE.read_text()
    assert marked.replaced(page, "sizing", sizing.markdown(sizing.read())) == page


def test_new_measurements_leave_comments_and_other_figures_alone() -> None:
    text = "a = 1_000  # why a\nab = 2\n"
    assert sizing.updated(text, {"a": 1.5}) == "a = 1.5    # why a\nab = 2\n"


def test_a_measurement_without_an_input_is_refused() -> None:
    with pytest.raises(ValueError, match="do not name b once"):
        sizing.updated("a = 1\n", {"b": 2})
