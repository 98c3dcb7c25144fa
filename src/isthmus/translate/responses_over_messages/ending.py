"""How a response ends: its status, why it is incomplete, its usage."""

from __future__ import annotations

from isthmus.call import Usage
from isthmus.errors import GatewayError
from isthmus.translate.to_messages.ending import service_tier
from isthmus.wire.responses.documents import Item, Response
from isthmus.wire.responses.errors import response_error
from isthmus.wire.responses.usage import usage_document

#: Stop reasons after which something of the answer is missing. All others complete it.
INCOMPLETE = {
    "max_tokens": "max_output_tokens",
    "model_context_window_exceeded": "max_output_tokens",
    "refusal": "content_filter",
}
CUT_OFF = frozenset({"max_tokens", "model_context_window_exceeded"})


def ended(
    begun: Response,
    output: list[Item],
    stop_reason: str | None,
    usage: Usage | None,
    completed_at: int | None,
) -> Response:
    """Return the response as it has ended. ``completed_at``: Unix seconds."""
    reason = INCOMPLETE.get(stop_reason or "")
    return {
        **begun,
        "status": "incomplete" if reason else "completed",
        "completed_at": None if reason else completed_at,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "service_tier": service_tier(usage) or begun["service_tier"],
        "usage": usage_document(usage or Usage()),
    }


def failed(
    begun: Response, output: list[Item], usage: Usage | None, error: GatewayError
) -> Response:
    """Return the response as it has failed, with what there is of it."""
    return {
        **begun,
        "status": "failed",
        "error": response_error(error),
        "output": output,
        "usage": None if usage is None else usage_document(usage),
    }
