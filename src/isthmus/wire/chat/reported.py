"""Errors that an OpenAI-compatible upstream reports, in a body or inside of a stream.

Vendors agree on ``{"error": ...}`` and on little else: it may be an object or a text, its ``code``
a word or a status. Whatever it is, it becomes a status, a word and a message that can be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from isthmus.errors import UpstreamRefused
from isthmus.wire import json

#: Statuses of errors inside of a stream, by their type or code; others are 500.
_STATUS_BY_WORD = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "insufficient_quota": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded": 503,
    "overloaded_error": 503,
    "server_overloaded": 503,
    "engine_overloaded_error": 503,
    "timeout": 504,
}
_LONGEST_MESSAGE = 4_000


class ReportedError(NamedTuple):
    """What an upstream said went wrong. ``word`` is its code, else its type, else empty.

    ``body`` is the text of the error document, where one of OpenAI's form was sent.
    """

    status: int
    word: str
    message: str
    body: str | None = None


def read_body(status: int, body: bytes) -> ReportedError:
    """Read the body of an answer whose status is not 200."""
    try:
        document: object = json.decode_tolerantly(body)
    except json.MalformedJSON:
        document = None
    members = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    words, message = _words(members), _message(members)
    return ReportedError(
        status,
        words[0] if words else "",
        message or f"The upstream answered with status {status}.",
        body.decode() if _error(members).get("message") else None,
    )


def read_chunk(chunk: Mapping[str, Any]) -> ReportedError:
    """Read a chunk that holds an error."""
    words = _words(chunk)
    statuses = (_STATUS_BY_WORD.get(word) or _status(word) for word in words)
    status = next((status for status in statuses if status), 500)
    message = _message(chunk) or "The upstream reported an error."
    return ReportedError(status, words[0] if words else "", message)


def refusal(chunk: Mapping[str, Any]) -> UpstreamRefused:
    """Make the error that a chunk reports."""
    told = read_chunk(chunk)
    error = UpstreamRefused(told.message, upstream_status=told.status, upstream_type=told.word)
    error.protocol = "chat"
    return error


def _words(document: Mapping[str, Any]) -> list[str]:
    """Return code and type, as far as they are there, as text."""
    error = _error(document)
    found = [error.get("code"), error.get("type"), error.get("status")]
    return [str(word) for word in found if isinstance(word, str | int) and word]


def _status(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and 400 <= int(word) <= 599 else None


def _message(document: Mapping[str, Any]) -> str:
    told: object = document.get("error")
    if not isinstance(told, str):
        told = _error(document).get("message") or document.get("message")
    return told[:_LONGEST_MESSAGE] if isinstance(told, str) else ""


def _error(document: Mapping[str, Any]) -> Mapping[str, Any]:
    error: object = document.get("error")
    return cast("Mapping[str, Any]", error) if isinstance(error, dict) else {}
