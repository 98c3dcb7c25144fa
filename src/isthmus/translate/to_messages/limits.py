"""How long an answer may get, and what ends it early."""

from __future__ import annotations

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatRequest

#: Models that always think spend part of the answer on it; less than this may leave no text.
_LITTLE = 1024


def asked_max_tokens(request: ChatRequest, remarks: Remarks) -> int | None:
    """Return the smaller of the two names of the same limit; None where neither is set."""
    newer, older = request.get("max_completion_tokens"), request.get("max_tokens")
    if newer is None or older is None or newer == older:
        return older if newer is None else newer
    smaller = min(newer, older)
    remarks.warn(
        "max_tokens.both",
        "max_tokens",
        f"differs from max_completion_tokens, the smaller ({smaller}) is used",
    )
    return smaller


def max_tokens(
    asked: int | None, default: int | None, capabilities: Capabilities, remarks: Remarks
) -> int:
    """Return the limit to send: what was asked, else the configured default, else the model's."""
    most = capabilities.max_output_tokens
    if asked is None:
        return min(default or most, most)
    if asked > most:
        remarks.warn("max_tokens.clamped", "max_tokens", f"clamped to {most}, this model's maximum")
        return most
    if asked < _LITTLE and capabilities.thinking_default == "always":
        remarks.note("max_tokens.small", "max_tokens", "thinking may use it up before any text")
    return asked


def refuse_large_budget(request: ChatRequest, asked: int | None) -> None:
    """Check the thinking budget against the limit the caller set.

    Raises:
        InvalidRequest: the budget is larger. Equal is allowed here, though not upstream.
    """
    thinking = request.get("thinking")
    if not thinking or thinking.get("type") != "enabled":
        return
    budget = thinking.get("budget_tokens")
    if budget and asked is not None and budget > asked:
        raise InvalidRequest(
            f"'thinking.budget_tokens' ({budget}) must not be larger than max_tokens ({asked}).",
            param="thinking.budget_tokens",
        )


def stop_sequences(request: ChatRequest, remarks: Remarks) -> list[str]:
    """Translate ``stop``: each sequence once; blank ones, which upstream refuses, left out."""
    stop = request.get("stop")
    if stop is None:
        return []
    asked = [stop] if isinstance(stop, str) else stop
    kept = [entry for entry in dict.fromkeys(asked) if entry.strip()]
    if len(kept) < len(asked) and not all(entry.strip() for entry in asked):
        remarks.warn("stop.blank", "stop", "entries of white space alone are dropped")
    return kept
