"""Temperature and its kin. Most models of today take none of them, not even their defaults."""

from __future__ import annotations

from typing import Any

from isthmus.call import Capabilities
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatRequest

#: The values that change nothing: leaving them out says the same.
_NEUTRAL = {"temperature": 1, "top_p": 1, "top_k": None}
_CLAUDES_HOTTEST = 1.0


def sampling(
    request: ChatRequest, capabilities: Capabilities, *, thinking: bool, remarks: Remarks
) -> dict[str, Any]:
    """Return the sampling members to send upstream.

    While a model thinks it takes no temperature and no top_k, and only a top_p of 0.95 or more.
    """
    asked: dict[str, Any] = {
        name: value for name in _NEUTRAL if (value := request.get(name)) is not None
    }
    if capabilities.sampling == "none":
        return _dropped(asked, "dropped, this model takes no sampling parameters", remarks)
    if thinking:
        kept = {"top_p": asked.pop("top_p")} if asked.get("top_p", 0) >= 0.95 else {}
        return kept | _dropped(asked, "dropped, it cannot go with thinking", remarks)
    if capabilities.sampling == "one_of" and "temperature" in asked and "top_p" in asked:
        both = {"top_p": asked.pop("top_p")}
        _dropped(both, "dropped, this model takes temperature or top_p, not both", remarks)
    if asked.get("temperature", 0) > _CLAUDES_HOTTEST:
        asked["temperature"] = _CLAUDES_HOTTEST
        remarks.warn("temperature.clamped", "temperature", "clamped to 1.0, Claude's highest")
    return asked


def _dropped(asked: dict[str, Any], why: str, remarks: Remarks) -> dict[str, Any]:
    for name, value in asked.items():
        if value != _NEUTRAL[name]:
            remarks.warn(f"{name}.dropped", name, why)
    return {}
