"""How limits stand, in the headers of both protocols.

Source: OpenAI's ``x-ratelimit-*`` (reset: a duration such as ``1m30s``) and Anthropic's
``anthropic-ratelimit-*`` (reset: RFC 3339). Both are sent on every door: no client is confused by
what the other's reads.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Iterable

from isthmus.access.limits import Kind, State

_NAMES: dict[Kind, str] = {
    "requests": "requests",
    "input_tokens": "input-tokens",
    "output_tokens": "output-tokens",
}


def rate_headers(states: Iterable[State]) -> dict[str, str]:
    """Describe the tightest limit of each kind."""
    headers: dict[str, str] = {}
    tightest: dict[str, State] = {}
    for state in states:
        names = [_NAMES[state.bucket.kind]]
        if state.bucket.kind != "requests":
            names.append("tokens")
        for name in names:
            known = tightest.get(name)
            if known is None or _room(state) < _room(known):
                tightest[name] = state
    now = time.time()
    for name, state in tightest.items():
        limit, remaining = str(state.bucket.units), str(state.remaining)
        prefix = f"anthropic-ratelimit-{name}"
        headers[f"{prefix}-limit"] = limit
        headers[f"{prefix}-remaining"] = remaining
        headers[f"{prefix}-reset"] = _moment(now + state.seconds)
        if name in ("requests", "tokens"):
            headers[f"x-ratelimit-limit-{name}"] = limit
            headers[f"x-ratelimit-remaining-{name}"] = remaining
            headers[f"x-ratelimit-reset-{name}"] = _duration(state.seconds)
    return headers


def _room(state: State) -> float:
    return state.remaining / state.bucket.units


def _moment(seconds: float) -> str:
    at = dt.datetime.fromtimestamp(math.ceil(seconds), dt.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _duration(seconds: float) -> str:
    """Write a duration as OpenAI does: ``17ms``, ``6s``, ``1m30s``, ``1h2m3s``."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    whole = math.ceil(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (left, "s")]
    first = next(place for place, (count, _) in enumerate(parts) if count)
    return "".join(f"{count}{unit}" for count, unit in parts[first:])
