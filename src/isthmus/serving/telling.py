"""What a caller is told of what an upstream refused: on each door, of each protocol behind it."""

from __future__ import annotations

from isthmus.errors import GatewayError, UpstreamError, UpstreamRefused
from isthmus.translate.messages_over_chat import failure as of_chat
from isthmus.translate.to_messages import failure as of_messages

#: For how long a client may be told to wait, in seconds: more, and it shows its error at once.
_PAUSES = (1, 60)


def told_openai(error: GatewayError) -> GatewayError:
    """Return what a caller of the OpenAI doors is told.

    Of an upstream that speaks their protocol it is what that upstream said.
    """
    if not isinstance(error, UpstreamRefused):
        return error
    if error.protocol == "messages" or is_our_trouble(error):
        return of_messages.tell(error)
    if of_chat.is_unpaid(error):
        error.upstream_status = 402
        return of_messages.tell(error)
    error.status, error.code = error.upstream_status, error.upstream_type or None
    return _patient(error)


def told_messages(error: GatewayError) -> GatewayError:
    """Return what a caller of the Messages door is told.

    Of an upstream that speaks its protocol it is what that upstream said.
    """
    if not isinstance(error, UpstreamRefused):
        return error
    if error.protocol == "chat":
        return of_chat.tell(error)
    if is_our_trouble(error):
        return UpstreamError(
            "The upstream does not accept the gateway's credential.",
            status=500,
            code="upstream_auth_error",
            should_retry=False,
        )
    error.status = error.upstream_status
    return _patient(error)


def is_our_trouble(error: UpstreamRefused) -> bool:
    """Say whether an upstream refuses us rather than what was asked."""
    return error.upstream_status in (401, 402, 403)


def _patient(error: UpstreamRefused) -> UpstreamRefused:
    if error.retry_after is not None:
        shortest, longest = _PAUSES
        error.retry_after = min(max(error.retry_after, shortest), longest)
    return error
