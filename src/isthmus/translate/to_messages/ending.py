"""What OpenAI's protocols say of an answer's end: its refusal and its tier."""

from __future__ import annotations

from typing import cast

from isthmus.call import Usage

_TIERS = {"standard": "default", "priority": "priority"}
_REFUSED = "The model declined to answer this request."


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
