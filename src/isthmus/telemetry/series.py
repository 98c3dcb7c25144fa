"""Every series there is: what is counted, by which labels, and how workers add up. Data only."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["counter", "gauge", "histogram"]


class Series(Struct, frozen=True):
    """One metric. ``merge``: what the gauges of several processes make together."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    says: str
    merge: Literal["sum", "max", "min"] = "sum"
    #: Upper bounds of a histogram's buckets; all that is larger is counted as well.
    buckets: tuple[float, ...] = ()


#: Seconds. First tokens take from a fifth of a second to minutes of thinking.
_FIRST_TOKEN = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
#: Seconds. Whole calls take from a refused millisecond to the longest answer allowed.
_WHOLE = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)

SERIES = (
    Series(
        "isthmus_requests_total",
        "counter",
        ("endpoint", "model", "status", "ending"),
        "Calls that ended, by what their client was told.",
    ),
    Series(
        "isthmus_request_seconds",
        "histogram",
        ("endpoint", "ending"),
        "Seconds from a call's head to the end of its answer.",
        buckets=_WHOLE,
    ),
    Series(
        "isthmus_time_to_first_token_seconds",
        "histogram",
        ("model",),
        "Seconds from a call's head to the first content of its answer.",
        buckets=_FIRST_TOKEN,
    ),
    Series(
        "isthmus_cost_nanodollars_total",
        "counter",
        ("model",),
        "What calls have cost, in billionths of a dollar.",
    ),
    Series(
        "isthmus_unpriced_calls_total",
        "counter",
        ("model",),
        "Calls that have cost nobody knows how much: their model has no price.",
    ),
    Series(
        "isthmus_budget_overspent_nanodollars_total",
        "counter",
        (),
        "What calls cost beyond what was reserved for them of budgets, in nano-dollars.",
    ),
    Series(
        "isthmus_ledger_lost_total",
        "counter",
        (),
        "Records of the ledger that were lost: the disk is full, or cannot be written.",
    ),
    Series("isthmus_requests_in_flight", "gauge", (), "Calls that are being served."),
    Series(
        "isthmus_client_disconnects_total",
        "counter",
        (),
        "Calls whose client left before the end.",
    ),
    Series(
        "isthmus_streams_ended_total", "counter", ("ending",), "Streams that had begun and ended."
    ),
    Series(
        "isthmus_tokens_total",
        "counter",
        ("model", "class"),
        "Tokens that upstreams told of: input, cache_read, cache_write_5m, cache_write_1h, output.",
    ),
    Series(
        "isthmus_attempts_total",
        "counter",
        ("upstream", "result"),
        "Requests to upstreams: ok, the code of their error, or how their call ended.",
    ),
    Series(
        "isthmus_retries_total", "counter", ("upstream",), "Attempts repeated at the same upstream."
    ),
    Series("isthmus_failovers_total", "counter", ("upstream",), "Calls that left this upstream."),
    Series(
        "isthmus_hedges_total",
        "counter",
        ("upstream",),
        "Attempts made beside one that took long.",
    ),
    Series(
        "isthmus_ejections_total",
        "counter",
        ("upstream", "reason"),
        "How often an endpoint was taken out of service.",
    ),
    Series(
        "isthmus_cooldowns_total",
        "counter",
        ("upstream", "reason"),
        "How often a credential was given a pause.",
    ),
    Series("isthmus_ejected_endpoints", "gauge", ("upstream",), "Endpoints out of service."),
    Series(
        "isthmus_quarantined_credentials",
        "gauge",
        ("upstream",),
        "Credentials that the upstream refuses.",
    ),
    Series(
        "isthmus_parked_credentials",
        "gauge",
        ("upstream",),
        "Credentials whose account cannot pay.",
    ),
    Series(
        "isthmus_config_reload_success",
        "gauge",
        (),
        "Whether the configuration was last read without error: 1 or 0.",
        merge="min",
    ),
    Series(
        "isthmus_config_reload_seconds",
        "gauge",
        (),
        "When the configuration in use was read, in Unix seconds.",
        merge="min",
    ),
    Series(
        "isthmus_event_loop_lag_seconds",
        "gauge",
        (),
        "By how much the event loop was last late; of several workers, the worst.",
        merge="max",
    ),
    Series(
        "isthmus_log_lines_dropped_total",
        "counter",
        (),
        "Log lines that were not written because nothing took them.",
    ),
    Series("isthmus_build_info", "gauge", ("version",), "Always 1.", merge="max"),
)

BY_NAME = {series.name: series for series in SERIES}
