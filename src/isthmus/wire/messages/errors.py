"""Errors of the Messages protocol: read from a body or a stream event, and written.

An error body may come from something in front of the API (a CDN, a proxy) and be HTML or empty:
whatever it is, it becomes a type and a message that can be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from isthmus.errors import GatewayBusy, GatewayError, LimitReached, UpstreamRefused
from isthmus.wire import json

#: Types of errors by HTTP status, for bodies that do not say; and back, for stream events.
TYPE_BY_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
STATUS_BY_TYPE = {kind: status for status, kind in TYPE_BY_STATUS.items()}
_LONGEST_MESSAGE = 4_000


class ReportedError(NamedTuple):
    """What an upstream said went wrong. ``status`` is 500 where an event names an unknown type.

    ``body`` is the text of an error document of this protocol, where one was sent.
    """

    status: int
    kind: str
    message: str
    body: str | None = None


def read_body(status: int, body: bytes) -> ReportedError:
    """Read the body of an answer whose status is not 200."""
    try:
        document: object = json.decode_tolerantly(body)
    except json.MalformedJSON:
        document = None
    kind, message = _members(document)
    text = body.decode() if kind is not None and message is not None else None
    kind = kind or TYPE_BY_STATUS.get(status, "api_error")
    message = message or f"The upstream answered with status {status}."
    return ReportedError(status, kind, message, text)


def read_event(event: Mapping[str, Any]) -> ReportedError:
    """Read an ``error`` event of a stream."""
    kind, message = _members(event)
    kind = kind or "api_error"
    return ReportedError(
        STATUS_BY_TYPE.get(kind, 500), kind, message or "The upstream reported an error."
    )


def _members(document: object) -> tuple[str | None, str | None]:
    if not isinstance(document, dict):
        return None, None
    error = cast("dict[str, object]", document).get("error")
    if not isinstance(error, dict):
        return None, None
    members = cast("dict[str, object]", error)
    kind, message = members.get("type"), members.get("message")
    return (
        kind if isinstance(kind, str) else None,
        message[:_LONGEST_MESSAGE] if isinstance(message, str) else None,
    )


def status_of(error: GatewayError) -> int:
    """Return the status of an answer; this protocol has its own for load and for money."""
    if isinstance(error, LimitReached) and error.code == "insufficient_quota":
        return 402
    return 529 if isinstance(error, GatewayBusy) else error.status


def document(error: GatewayError, request_id: str) -> dict[str, Any]:
    """Build the error document of the Messages protocol for an error of the gateway."""
    otherwise = "api_error" if error.status >= 500 else "invalid_request_error"
    kind = TYPE_BY_STATUS.get(status_of(error), otherwise)
    if isinstance(error, UpstreamRefused) and error.upstream_type:
        kind = error.upstream_type
    return {
        "type": "error",
        "error": {"type": kind, "message": error.message},
        "request_id": request_id,
    }


def body(error: GatewayError, request_id: str) -> bytes:
    """Write an error as the body of an answer; what an upstream wrote stays as it is."""
    if isinstance(error, UpstreamRefused) and error.body is not None:
        return error.body.encode()
    return json.encode(document(error, request_id))
