"""Errors as OpenAI's protocol says them: ``{"error": {message, type, param, code}}``."""

from __future__ import annotations

from typing import Any

from isthmus.errors import (
    AccessDenied,
    GatewayBusy,
    GatewayDefect,
    GatewayError,
    InvalidRequest,
    LimitReached,
    UnknownModel,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamUnavailable,
)
from isthmus.wire import json

#: ``type`` of each class; a subclass that is not listed would be said as its parent.
TYPE_OF: dict[type[GatewayError], str] = {
    GatewayError: "api_error",
    InvalidRequest: "invalid_request_error",
    UnknownModel: "invalid_request_error",
    AccessDenied: "invalid_request_error",
    LimitReached: "rate_limit_error",
    GatewayBusy: "server_error",
    GatewayDefect: "server_error",
    UpstreamError: "api_error",
    UpstreamRefused: "api_error",
    UpstreamUnavailable: "api_error",
    UpstreamBroken: "upstream_error",
}
#: An upstream's refusal is said by the status it is told with.
_TYPE_BY_STATUS = {
    400: "invalid_request_error",
    404: "invalid_request_error",
    409: "invalid_request_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "requests",
    500: "server_error",
    503: "server_error",
    504: "server_error",
}


def document(error: GatewayError) -> dict[str, Any]:
    """Build the error document, for a whole answer and for a stream alike."""
    kind = TYPE_OF[type(error)]
    if isinstance(error, UpstreamRefused | LimitReached):
        kind = _TYPE_BY_STATUS.get(error.status, kind)
        if error.status == 429 and "token" in error.message.lower():
            kind = "tokens"
        if error.code == "insufficient_quota":
            kind = error.code
    return {
        "error": {
            "message": error.message,
            "type": kind,
            "param": error.param,
            "code": error.code,
        }
    }


def body(error: GatewayError) -> bytes:
    """Write an error as the body of an answer; what an upstream wrote stays as it is."""
    if isinstance(error, UpstreamRefused) and error.protocol == "chat" and error.body is not None:
        return error.body.encode()
    return json.encode(document(error))


def headers(error: GatewayError) -> dict[str, str]:
    """Return the headers that steer a client's retries."""
    steering: dict[str, str] = {}
    if error.retry_after is not None:
        steering["retry-after"] = str(error.retry_after)
    if error.should_retry is not None:
        steering["x-should-retry"] = "true" if error.should_retry else "false"
    return steering
