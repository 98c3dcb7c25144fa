"""Why an answer ended, its refusal and its tier, as Chat Completions says them."""

from __future__ import annotations

from typing import cast

from isthmus.call import Usage

#: Everything Claude may stop for. A reason that is not here yet is an end like any other.
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_TIERS = {"standard": "default", "priority": "priority"}
_REFUSED = "The model declined to answer this request."


def finish_reason(stop_reason: str | None, *, legacy: bool = False) -> str:
    """Translate a stop reason. ``legacy`` clients know of one function call only.

    A turn that is still paused after several further calls has come to its end there.
    """
    if legacy and stop_reason == "tool_use":
        return "function_call"
    return _FINISH.get(stop_reason or "", "stop")


def refusal_text(stop_details: object) -> str:
    """Return the upstream's explanation of a refusal, or a sentence that says what happened."""
    if isinstance(stop_details, dict):
        explanation = cast("dict[str, object]", stop_details).get("explanation")
        if isinstance(explanation, str) and explanation:
            return explanation
    return _REFUSED


def service_tier(usage: Usage | None) -> str | None:
    """Return the tier an answer was served in; None where the upstream does not say."""
    if usage is None:
        return None
    if usage.speed == "fast":
        return "priority"
    return _TIERS.get(usage.service_tier or "")


def completion_id(message_id: object) -> str:
    """Derive the id of a completion from the upstream's, so that both can be found."""
    return f"chatcmpl-{str(message_id or '').removeprefix('msg_')}"
