"""What an upstream refused, as a caller of the OpenAI doors is told.

The operator's credential is never the caller's fault: 401, 402 and 403 from upstream become 502.
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


_CREDENTIAL = Telling(
    502, "upstream_auth_error", "The gateway's own credential was refused by its upstream."
)
_BILLING = Telling(
    502, "upstream_billing_error", "The gateway's own account cannot pay for this call."
)
_BY_STATUS = {
    400: Telling(400, "invalid_request"),
    401: _CREDENTIAL,
    402: _BILLING,
    403: _CREDENTIAL,
    404: Telling(404, "model_not_found"),
    409: Telling(409, "conflict"),
    413: Telling(413, "request_too_large"),
    422: Telling(422, "invalid_request"),
    429: Telling(429, "rate_limit_exceeded"),
    500: Telling(500, "upstream_error"),
    503: Telling(503, "overloaded"),
    504: Telling(504, "timeout"),
    529: Telling(503, "overloaded"),
}
_OTHER = Telling(502, "upstream_error")
_TOO_LONG = re.compile(r"prompt is too long|context (window|limit)|too many tokens", re.IGNORECASE)
#: Not as a part of a name: a tool may well be called get_billing_info.
_SPENDING = re.compile(
    r"(?<![\w.-])(credit balance|billing|spend(ing)? (cap|limit)|usage limits?)(?![\w-])",
    re.IGNORECASE,
)
#: What an upstream repeats of a request: words in quotes, but not what apostrophes enclose.
_QUOTED = re.compile(r"(?<!\w)([\"'`]).*?\1(?!\w)")
#: What an upstream complains about, where its path means the same in the caller's document.
_PATH = re.compile(r"^(max_tokens|temperature|top_p|top_k|tool_choice|model)\b")
_TOOL_PATH = re.compile(r"^tools\.(\d+)\b")
_OVERLOAD_PAUSE = 5
_LONGEST_PAUSE = 60


def tell(error: UpstreamRefused) -> UpstreamRefused:
    """Set on ``error`` what the caller is told: status, code, parameter and when to try again."""
    telling = _BY_STATUS.get(error.upstream_status, _OTHER)
    if telling.status == 400 and _SPENDING.search(_QUOTED.sub("", error.message)):
        telling = _BILLING
    error.status, error.code = telling.status, telling.code
    # How it was put over there is another protocol, or nobody's business.
    error.body = None
    if telling.status == 400:
        error.param = _param(error.message)
        if _TOO_LONG.search(error.message):
            error.code = "context_length_exceeded"
    if telling.message is not None:
        error.message = telling.message
    if error.upstream_status == 429 and error.retry_after is None:
        error.should_retry = False  # a spending cap: it does not recover by waiting
    if error.upstream_status == 529 and error.retry_after is None:
        error.retry_after = _OVERLOAD_PAUSE
    if error.retry_after is not None:
        error.retry_after = min(max(error.retry_after, 1), _LONGEST_PAUSE)
    return error


def _param(message: str) -> str | None:
    tool = _TOOL_PATH.match(message)
    if tool:
        return f"tools[{tool.group(1)}]"
    found = _PATH.match(message)
    return found.group(1) if found else None
