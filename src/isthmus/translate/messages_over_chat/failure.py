"""What an OpenAI-compatible upstream refused, as a caller of the Messages door is told.

The operator's credential is never the caller's fault: its refusal is an error of ours.
"""

from __future__ import annotations

import re

from msgspec import Struct

from isthmus.errors import UpstreamRefused


class Telling(Struct, frozen=True):
    """How one upstream status is told. A ``message`` of None passes the upstream's own words on."""

    status: int
    code: str
    message: str | None = None
    #: False: waiting does not mend it.
    should_retry: bool | None = None


_CREDENTIAL = Telling(
    500,
    "upstream_auth_error",
    "The gateway's own credential was refused by its upstream.",
    should_retry=False,
)
_BILLING = Telling(
    429,
    "upstream_billing_error",
    "The gateway's own account cannot pay for this call.",
    should_retry=False,
)
_OVERLOADED = Telling(529, "overloaded")
_BY_STATUS = {
    400: Telling(400, "invalid_request"),
    401: _CREDENTIAL,
    402: _BILLING,
    403: _CREDENTIAL,
    404: Telling(404, "model_not_found"),
    408: Telling(504, "timeout"),
    409: Telling(409, "conflict"),
    413: Telling(413, "request_too_large"),
    422: Telling(400, "invalid_request"),
    429: Telling(429, "rate_limit_exceeded"),
    503: _OVERLOADED,
    504: Telling(504, "timeout"),
    529: _OVERLOADED,
}
_OTHER = Telling(500, "upstream_error")
#: What vendors call an error whose status says less than its word.
_BY_WORD = {
    "insufficient_quota": _BILLING,
    "insufficient_balance": _BILLING,
    "exceeded_current_quota_error": _BILLING,
    "overloaded": _OVERLOADED,
    "overloaded_error": _OVERLOADED,
    "server_overloaded": _OVERLOADED,
    "engine_overloaded_error": _OVERLOADED,
}
_TOO_LONG = re.compile(
    r"context[ _](length|window|limit)|too many (input )?tokens|(prompt|input) is too long",
    re.IGNORECASE,
)
#: The words by which clients know that they have to make a conversation shorter.
_CLAUDES_WORDS = "prompt is too long"
_LONG = "context_length_exceeded"
_LONGEST_PAUSE = 60


def is_unpaid(error: UpstreamRefused) -> bool:
    """Say whether an upstream refuses because nobody has paid."""
    return error.upstream_status == 402 or _BY_WORD.get(error.upstream_type) is _BILLING


def tell(error: UpstreamRefused) -> UpstreamRefused:
    """Set on ``error`` what the caller is told: status, code, words and when to try again."""
    word = error.upstream_type
    telling = _BY_WORD.get(word) or _BY_STATUS.get(error.upstream_status, _OTHER)
    error.status, error.code = telling.status, telling.code
    # What it was called and how it was put over there says nothing in this protocol.
    error.upstream_type, error.body = "", None
    if telling.should_retry is not None:
        error.should_retry, error.retry_after = telling.should_retry, None
    if telling.message is not None:
        error.message = telling.message
    elif telling.status == 400 and (word == _LONG or _TOO_LONG.search(error.message)):
        error.code = _LONG
        if _CLAUDES_WORDS not in error.message:
            error.message = f"{_CLAUDES_WORDS}: {error.message}"
    if error.retry_after is not None:
        error.retry_after = min(max(error.retry_after, 1), _LONGEST_PAUSE)
    return error
