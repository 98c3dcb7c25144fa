"""Requests that ask no model for anything, and are answered here."""

from __future__ import annotations

from isthmus.call import Usage
from isthmus.wire.messages.documents import AskedRequest, Message
from isthmus.wire.messages.usage import usage_document


def answered(request: AskedRequest, message_id: str) -> Message | None:
    """Return the answer to a request for no tokens at all; None where a model has to be asked.

    Such a request warms Claude's cache. Other vendors have none that could be warmed.
    """
    if request.get("max_tokens") != 0:
        return None
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": [],
        "stop_reason": "max_tokens",
        "stop_sequence": None,
        "usage": usage_document(Usage()),
    }
