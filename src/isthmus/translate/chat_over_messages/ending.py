"""Why an answer ended, as Chat Completions says it, and what it is called."""

from __future__ import annotations

#: Everything Claude may stop for. A reason that is not here yet is an end like any other.
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def finish_reason(stop_reason: str | None, *, legacy: bool = False) -> str:
    """Translate a stop reason. ``legacy`` clients know of one function call only.

    A turn that is still paused after several further calls has come to its end there.
    """
    if legacy and stop_reason == "tool_use":
        return "function_call"
    return _FINISH.get(stop_reason or "", "stop")


def completion_id(message_id: object) -> str:
    """Derive the id of a completion from the upstream's, so that both can be found."""
    return f"chatcmpl-{str(message_id or '').removeprefix('msg_')}"
