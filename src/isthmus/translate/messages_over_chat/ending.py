"""Why an answer ended, and what it used, as the Messages protocol says them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, structs

from isthmus.call import Usage
from isthmus.translate.messages_over_chat.form import AnswerForm
from isthmus.translate.tool_ids import accepted, substitute
from isthmus.wire.chat.reader import AnswerReader
from isthmus.wire.messages.usage import usage_document

#: Everything that vendors stop for. A reason that is not here is an end like any other.
_STOP_REASONS = {
    "length": "max_tokens",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
    "sensitive": "refusal",
}
#: Reasons that may leave the last call half written.
_CUTS_OFF = frozenset({"max_tokens", "model_context_window_exceeded", "refusal"})
_TIERS = {"default": "standard", "priority": "priority"}


class Ending(Struct, frozen=True, kw_only=True):
    """How an answer ended. ``stop_sequence`` is there where one was found."""

    stop_reason: str
    stop_sequence: str | None = None

    @property
    def cuts_off(self) -> bool:
        """Whether a call may have been left half written."""
        return self.stop_reason in _CUTS_OFF

    @property
    def members(self) -> dict[str, Any]:
        """The members that say it, in a message or in its last delta."""
        members = {"stop_reason": self.stop_reason, "stop_sequence": self.stop_sequence}
        if self.stop_reason != "refusal":
            return members
        details = {"type": "refusal", "category": None, "explanation": None}
        return {**members, "stop_details": details}


def ending(reader: AnswerReader, form: AnswerForm, *, matched: str | None, refused: bool) -> Ending:
    """Say how the answer that was read ended.

    ``matched`` is the stop sequence that was found here, ``refused`` whether the model said no.
    Vendors often tell of calls as of any other end; a reason that speaks of calls where there are
    none would leave the client waiting for them.
    """
    if matched is not None:
        return Ending(stop_reason="stop_sequence", stop_sequence=matched)
    if refused:
        return Ending(stop_reason="refusal")
    if reader.stopped_by is not None and reader.stopped_by in form.stops:
        return Ending(stop_reason="stop_sequence", stop_sequence=reader.stopped_by)
    reason = _STOP_REASONS.get(reader.finish_reason or "", "end_turn")
    if reason in ("end_turn", "tool_use"):
        reason = "tool_use" if reader.calls.calls else "end_turn"
    return Ending(stop_reason=reason)


def usage_told(reader: AnswerReader) -> Usage:
    """Return what the answer used, in the words of the Messages protocol."""
    tier = _TIERS.get(reader.service_tier)
    return structs.replace(reader.usage or Usage(), service_tier=tier)


def used(reader: AnswerReader) -> dict[str, Any]:
    """Return the ``usage`` of the answer; zeros where the upstream does not say."""
    return usage_document(usage_told(reader))


def message_id(reader: AnswerReader, request_id: str) -> str:
    """Derive the id of a message from the upstream's, so that both can be found.

    Where the upstream gives none, it is derived from the id of the request.
    """
    return f"msg_{(reader.id or request_id).removeprefix('chatcmpl-')}"


def call_id(message: str, ordinal: int, reader: AnswerReader) -> str:
    """Return the id of a call as clients of this protocol know it.

    Some vendors give no ids, or the same to several calls; those are named by their place.
    """
    calls = reader.calls.calls
    own = calls[ordinal].id
    if not own or any(call.id == own for call in calls[:ordinal]):
        return substitute(message, str(ordinal), own)
    return accepted(own)
