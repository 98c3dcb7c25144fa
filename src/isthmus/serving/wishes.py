"""What a client asks of the gateway itself, in headers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from msgspec import Struct

from isthmus.errors import InvalidRequest
from isthmus.serving.remarks import EXPLAIN
from isthmus.upstreams.anthropic import HOPS

STRICT = "x-isthmus-strict"
TIMEOUT = "x-isthmus-timeout"
_MOST_HOPS = 4
#: How long the official clients wait for a whole answer. For a stream it is the longest silence.
_CLIENT_TIMEOUTS = ("x-stainless-timeout", "x-stainless-read-timeout")


class Wishes(Struct, frozen=True, kw_only=True):
    """What one request asks for.

    ``strict``: errors instead of warnings; ``explains``: which rules have applied; ``patience``:
    for how many seconds the client waits; ``hops``: through how many gateways it has come.
    """

    strict: bool = False
    explains: bool = False
    patience: float = math.inf
    hops: int = 0


def wishes(headers: Mapping[str, str], *, stream: bool) -> Wishes:
    """Read them; what makes no sense was not said."""
    names = (TIMEOUT,) if stream else (TIMEOUT, *_CLIENT_TIMEOUTS)
    return Wishes(
        strict=headers.get(STRICT) == "1",
        explains=headers.get(EXPLAIN) == "1",
        patience=min((_seconds(headers.get(name)) for name in names), default=math.inf),
        hops=_hops(headers),
    )


def refuse_loop(headers: Mapping[str, str]) -> None:
    """Refuse a request that has come through too many gateways: one of them asks itself.

    Raises:
        InvalidRequest: it has.
    """
    if HOPS in headers and _hops(headers) > _MOST_HOPS:
        raise InvalidRequest(
            "The request has come through too many gateways; does one of them ask itself?",
            status=508,
            code="loop_detected",
        )


def _hops(headers: Mapping[str, str]) -> int:
    told = headers.get(HOPS, "")
    return int(told) if told.isdecimal() and len(told) < 4 else 0


def _seconds(value: str | None) -> float:
    if value is None:
        return math.inf
    try:
        seconds = float(value)
    except ValueError:
        return math.inf
    return seconds if seconds > 0 else math.inf
