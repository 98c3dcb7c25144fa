"""The eleven errors of the gateway, by whose fault they are.

This module owns what went wrong; each protocol's ``wire/*/errors.py`` owns how it is said. An
error carries a message for the caller, never a secret, a stack trace or an upstream's credential.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self


class GatewayError(Exception):
    """Anything the gateway answers with instead of what was asked for.

    ``status`` is the HTTP status on the OpenAI doors, ``code`` the machine-readable reason,
    ``param`` the path of the request field at fault (``messages[0].role``), ``retry_after`` whole
    seconds, ``should_retry`` the hint both official SDKs obey as ``x-should-retry``.
    """

    default_status: ClassVar[int] = 500
    default_code: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int | None = None,
        retry_after: int | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code if code is not None else self.default_code
        self.param = param
        self.status = status if status is not None else self.default_status
        self.retry_after = retry_after
        self.should_retry = should_retry

    def kept(self) -> Self:
        """Return it, to be kept: without what was on the way when it was raised.

        Whoever keeps an error with its trace, in a variable of that trace, makes a circle.
        """
        self.__traceback__ = self.__context__ = None
        return self


class InvalidRequest(GatewayError):
    """The caller sent something that cannot be served as it stands (400, 404, 405, 408, 413)."""

    default_status = 400
    default_code = "invalid_value"


class UnknownModel(GatewayError):
    """The caller named a model that is not served here, or is no longer (404)."""

    default_status = 404
    default_code = "model_not_found"


class AccessDenied(GatewayError):
    """The caller's own key is missing, wrong (401) or not allowed to do this (403)."""

    default_status = 401
    default_code = "invalid_api_key"


class LimitReached(GatewayError):
    """The caller is over a rate limit or a budget of this gateway (429)."""

    default_status = 429
    default_code = "rate_limit_exceeded"


class GatewayBusy(GatewayError):
    """The gateway sheds load or is shutting down (503; 529 on the Messages door)."""

    default_status = 503
    default_code = "overloaded"


class GatewayDefect(GatewayError):
    """A bug of ours (500). The message never carries the exception's own text."""

    default_status = 500
    default_code = "internal_error"


class UpstreamError(GatewayError):
    """An upstream could not serve the call; ``upstream`` names it by its configured name."""

    default_status = 502
    default_code = "upstream_error"
    upstream: str | None = None


class UpstreamRefused(UpstreamError):
    """The upstream answered with an error of its own.

    ``upstream_status`` and ``upstream_type`` are what it said; ``status``, ``code`` and the rest
    are what a caller of the OpenAI doors is told. ``pause`` is how many seconds it asked for,
    ``body`` the error document it sent, where it did, in its ``protocol``.
    """

    default_code = "upstream_refused"
    protocol: Literal["messages", "chat"] = "messages"

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int,
        upstream_type: str,
        pause: float | None = None,
        should_retry: bool | None = None,
        body: str | None = None,
    ) -> None:
        # Whole seconds, and never too few.
        told = None if pause is None else math.ceil(pause)
        super().__init__(message, retry_after=told, should_retry=should_retry)
        self.pause = pause
        self.body = body
        self.upstream_status = upstream_status
        self.upstream_type = upstream_type


class UpstreamUnavailable(UpstreamError):
    """The upstream could not be reached, or did not answer in time; no content was received."""

    default_code = "upstream_unreachable"


class UpstreamBroken(UpstreamError):
    """The upstream's answer failed on the way: cut off, stalled, or against its protocol."""

    default_code = "stream_interrupted"
