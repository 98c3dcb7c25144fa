"""How an upstream's failures become errors of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from isthmus.errors import UpstreamError, UpstreamRefused, UpstreamUnavailable
from isthmus.upstreams.transport import TransportError
from isthmus.wire.chat import reported
from isthmus.wire.messages.errors import read_body

#: Of an error's body no more than this is read; the rest could only be noise.
MAX_ERROR_BODY = 256 * 1024

#: Nobody means to be left alone for longer; such a number is no number. Seconds.
_ABSURD = 1e9
_LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")

_UNREACHABLE = {
    "connect": "The upstream could not be reached.",
    "proxy": "The proxy on the way to the upstream did not let the call through.",
    "tls": "No secure connection to the upstream could be made.",
    "timeout": "The upstream could not be reached in time.",
}
_NOT_TAKEN = "The upstream did not take the request in time."
_NO_ANSWER = "The upstream closed the connection before it answered."


def refused(status: int, headers: Mapping[str, str], body: bytes, now: float) -> UpstreamRefused:
    """Read an answer whose status is not 200. ``now``: Unix seconds, for times told as dates."""
    reported = read_body(status, body)
    return UpstreamRefused(
        reported.message,
        upstream_status=status,
        upstream_type=reported.kind,
        pause=patience(status, headers, now),
        should_retry=_truth(headers.get("x-should-retry")),
        body=reported.body,
    )


def chat_refused(
    status: int, headers: Mapping[str, str], body: bytes, now: float
) -> UpstreamRefused:
    """Read the same of an upstream that speaks Chat Completions."""
    told = reported.read_body(status, body)
    error = UpstreamRefused(
        told.message,
        upstream_status=status,
        upstream_type=told.word,
        pause=patience(status, headers, now),
        should_retry=_truth(headers.get("x-should-retry")),
        body=told.body,
    )
    error.protocol = "chat"
    return error


def unavailable(error: TransportError) -> UpstreamError:
    """Read a failure of the wire before any content."""
    if error.sent != "nothing" and error.reason == "timeout":
        return UpstreamUnavailable(_NOT_TAKEN, code="timeout", status=504)
    return UpstreamUnavailable(_UNREACHABLE.get(error.reason, _NO_ANSWER))


def patience(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """Return for how many seconds an answer asks to be left alone; None: it does not say.

    A limit that was reached also says when it will be lifted.
    """
    told = _milliseconds(headers.get("retry-after-ms"))
    if told is None:
        told = _seconds(headers.get("retry-after"), now)
    if told is not None or status != 429:
        return told
    resets = [
        _until(headers[f"anthropic-ratelimit-{what}-reset"], now)
        for what in _LIMITS
        if headers.get(f"anthropic-ratelimit-{what}-remaining") == "0"
        and f"anthropic-ratelimit-{what}-reset" in headers
    ]
    return max((reset for reset in resets if reset is not None), default=None)


def _milliseconds(value: str | None) -> float | None:
    told = _number(value)
    return None if told is None else told / 1000


def _seconds(value: str | None, now: float) -> float | None:
    """Read seconds, or a date (RFC 9110 section 10.2.3); nonsense counts as not said."""
    if value is None:
        return None
    told = _number(value)
    if told is not None:
        return told
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None


def _until(value: str, now: float) -> float | None:
    """Read a time of RFC 3339 as seconds from now."""
    try:
        return max(datetime.fromisoformat(value).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number <= _ABSURD else None


def _truth(value: str | None) -> bool | None:
    return {"true": True, "false": False}.get((value or "").lower())
