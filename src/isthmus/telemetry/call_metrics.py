"""Counts calls and what happens to upstreams. Labels come from bounded sets, whatever is asked."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from isthmus import __version__
from isthmus.call import Attempt, Incident, Outcome, Usage
from isthmus.telemetry.metrics import Metrics

OTHER = "other"
#: So many different names are told apart; the rest is `OTHER`. Callers can make up as many as they
#: like, and every one would stay in memory, here and in the database of whoever scrapes.
MAX_MODELS = 200
MAX_REASONS = 50

#: The states from which a `recovered` releases, by the gauge that counts them.
_GAUGES = {
    "ejected": "isthmus_ejected_endpoints",
    "quarantined": "isthmus_quarantined_credentials",
    "parked": "isthmus_parked_credentials",
}
#: What is counted of an incident: the series, and whether by reason.
_COUNTED = {
    "ejected": ("isthmus_ejections_total", True),
    "cooldown": ("isthmus_cooldowns_total", True),
    "retried": ("isthmus_retries_total", False),
    "failed_over": ("isthmus_failovers_total", False),
    "hedged": ("isthmus_hedges_total", False),
}


class CallMetrics:
    """An observer that counts into ``metrics``.

    ``endpoints`` are the paths of all routes, such as ``/v1/models/{id}``; ``now`` returns Unix
    seconds.
    """

    def __init__(
        self, metrics: Metrics, endpoints: Sequence[str], now: Callable[[], float] = time.time
    ) -> None:
        self._metrics = metrics
        self._now = now
        self._endpoint = _Endpoints(endpoints)
        self._model = _Known(MAX_MODELS)
        self._reason = _Known(MAX_REASONS)
        self._requests = metrics.counter("isthmus_requests_total")
        self._seconds = metrics.histogram("isthmus_request_seconds")
        self._first = metrics.histogram("isthmus_time_to_first_token_seconds")
        self._attempts = metrics.counter("isthmus_attempts_total")
        self._tokens = metrics.counter("isthmus_tokens_total")
        self._cost = metrics.counter("isthmus_cost_nanodollars_total")
        self._unpriced = metrics.counter("isthmus_unpriced_calls_total")
        self._streams = metrics.counter("isthmus_streams_ended_total")
        self._disconnects = metrics.counter("isthmus_client_disconnects_total")
        #: What is out of service now: for each state and upstream, the endpoints or credentials.
        self._out: dict[tuple[str, str], set[str]] = defaultdict(set)
        metrics.gauge("isthmus_build_info", 1, (__version__,))
        self._reloaded()

    def ended(self, outcome: Outcome) -> None:
        """Count one call."""
        endpoint = self._endpoint(outcome.endpoint)
        model = self._model(outcome.model) if outcome.model is not None else ""
        ending = outcome.ending
        status = str(outcome.status) if outcome.status else "none"
        self._requests.add((endpoint, model, status, ending))
        self._seconds.observe((endpoint, ending), outcome.seconds)
        if outcome.first_content_seconds is not None:
            self._first.observe((model,), outcome.first_content_seconds)
        if outcome.streamed:
            self._streams.add((ending,))
        if ending == "client_closed":
            self._disconnects.add()
        for attempt in outcome.attempts:
            self._attempts.add((attempt.upstream, _result(attempt, outcome)))
        if outcome.usage is not None:
            self._count_tokens(model, outcome.usage)
            self._count_cost(model, outcome.cost)

    def noticed(self, incident: Incident) -> None:
        """Count one incident, and note what is out of service."""
        kind, upstream = incident.kind, incident.upstream
        if kind in _COUNTED:
            name, by_reason = _COUNTED[kind]
            reason = (self._reason(incident.reason),) if by_reason else ()
            self._metrics.counter(name).add((upstream, *reason))
        if kind in _GAUGES:
            self._out[kind, upstream].add(_place(incident))
            self._show(kind, upstream)
        elif kind == "recovered" and incident.reason in _GAUGES:
            self._out[incident.reason, upstream].discard(_place(incident))
            self._show(incident.reason, upstream)
        elif kind == "reload":
            self._reloaded()
        elif kind == "reload_failed":
            self._metrics.gauge("isthmus_config_reload_success", 0)

    def _count_tokens(self, model: str, usage: Usage) -> None:
        add = self._tokens.add
        add((model, "input"), usage.input_tokens)
        add((model, "output"), usage.output_tokens)
        if usage.cache_read_tokens:
            add((model, "cache_read"), usage.cache_read_tokens)
        if usage.cache_write_5m_tokens:
            add((model, "cache_write_5m"), usage.cache_write_5m_tokens)
        if usage.cache_write_1h_tokens:
            add((model, "cache_write_1h"), usage.cache_write_1h_tokens)

    def _count_cost(self, model: str, cost: int | None) -> None:
        if cost is None:
            self._unpriced.add((model,))
        elif cost:
            self._cost.add((model,), cost)

    def _show(self, state: str, upstream: str) -> None:
        self._metrics.gauge(_GAUGES[state], len(self._out[state, upstream]), (upstream,))

    def _reloaded(self) -> None:
        self._metrics.gauge("isthmus_config_reload_success", 1)
        self._metrics.gauge("isthmus_config_reload_seconds", self._now())


class _Known:
    """Takes the first names as they are, and all after them as one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def __call__(self, name: str) -> str:
        names = self._names
        if name in names:
            return name
        if len(names) >= self._most:
            return OTHER
        names.add(name)
        return name


class _Endpoints:
    """Turns ``POST /v1/models/x`` into the path of its route."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._exact = {path: path for path in paths if "{" not in path}
        named = [(*path.split("{id}"), path) for path in paths if "{" in path]
        # The longest that may follow the id is looked for first.
        self._below = sorted(named, key=lambda one: -len(one[1]))

    def __call__(self, asked: str) -> str:
        path = asked.partition(" ")[2]
        found = self._exact.get(path)
        if found is not None:
            return found
        for start, end, route in self._below:
            if path.startswith(start) and path.endswith(end):
                return route
        return OTHER


def _result(attempt: Attempt, outcome: Outcome) -> str:
    """Say how an attempt ended: only the last one of a call can have ended with it."""
    if attempt.error is not None:
        return attempt.error
    if outcome.ending == "complete" or attempt is not outcome.attempts[-1]:
        return "ok"
    return outcome.error or outcome.ending


def _place(incident: Incident) -> str:
    """Name what is out of service or back: a credential of the upstream, or one of its URLs."""
    return incident.base_url or incident.credential
