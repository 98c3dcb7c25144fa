"""What the server itself refuses, before there is a request that anybody could answer."""

from __future__ import annotations

from typing import NamedTuple

from isthmus.errors import GatewayBusy, GatewayError, InvalidRequest
from isthmus.serving.request_id import new_request_id
from isthmus.serving.server_connection import STATUS_LINES
from isthmus.wire import json
from isthmus.wire.chat import errors as chat_errors


class Refusal(NamedTuple):
    """One reason."""

    status: int
    code: str
    message: str

    def words(self, date: bytes) -> bytes:
        """Write the whole answer, after which the connection ends; ``date`` is a header line."""
        error = self._error()
        body = json.encode(chat_errors.document(error))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            (b"x-request-id", new_request_id().encode()),
        ]
        steering = chat_errors.headers(error)
        headers += [(name.encode(), value.encode()) for name, value in steering.items()]
        lines = [b"%b: %b\r\n" % header for header in headers]
        return b"".join([STATUS_LINES[self.status], date, *lines, b"\r\n", body])

    def _error(self) -> GatewayError:
        if self.status == 503:
            return GatewayBusy(self.message, code=self.code, retry_after=1)
        return InvalidRequest(self.message, status=self.status, code=self.code)


MALFORMED = Refusal(400, "invalid_http", "This is not a valid HTTP/1.1 request.")
LONG_TARGET = Refusal(414, "uri_too_long", "The request target is too long.")
LARGE_HEADERS = Refusal(431, "headers_too_large", "The request headers are too large.")
NO_PATH = Refusal(400, "invalid_target", "The request target must be a path.")
HOSTS = Refusal(400, "invalid_host", "The request must have exactly one Host header.")
SLOW_HEAD = Refusal(408, "request_timeout", "The request headers did not arrive in time.")
SLOW_BODY = Refusal(408, "request_timeout", "The request body did not arrive in time.")
CROWDED = Refusal(503, "overloaded", "The gateway has too many connections.")
