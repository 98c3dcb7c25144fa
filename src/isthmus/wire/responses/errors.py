"""Errors as the Responses protocol says them: whole, inside of a response, or as an event.

A whole answer is the same document as on the Chat Completions door (`wire.chat.errors`).
"""

from __future__ import annotations

from typing import Any

from isthmus.errors import GatewayError, InvalidRequest, LimitReached, UpstreamRefused

_BY_STATUS = {
    400: "invalid_prompt",
    413: "invalid_prompt",
    422: "invalid_prompt",
    429: "rate_limit_exceeded",
}


def response_error(error: GatewayError) -> dict[str, Any]:
    """Build the ``error`` member of a failed response, whose codes are few and fixed."""
    told = error.status if isinstance(error, InvalidRequest | LimitReached | UpstreamRefused) else 0
    return {"code": _BY_STATUS.get(told, "server_error"), "message": error.message}


def error_members(error: GatewayError) -> dict[str, Any]:
    """Return the members of an ``error`` event, for a stream in which no response exists yet."""
    return {"code": error.code, "message": error.message, "param": error.param}
