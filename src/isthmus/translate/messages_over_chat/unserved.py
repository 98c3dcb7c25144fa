"""Members of a request that are not translated.

What would change the answer is refused; what would not is dropped and named. Clients of the newest
generation send much that only Claude knows, so what nobody here knows is never refused.
"""

from __future__ import annotations

from typing import Any, cast

from isthmus.errors import InvalidRequest
from isthmus.translate.messages_over_chat.ladder import RULES
from isthmus.translate.remarks import Remarks
from isthmus.wire.messages.documents import AskedRequest

#: Members that other modules of this package translate.
_TRANSLATED = frozenset(
    {
        *("model", "messages", "system", "max_tokens", "stop_sequences", "stream", "thinking"),
        *("temperature", "top_p", "top_k", "tools", "tool_choice", "output_config", "metadata"),
    }
)
#: Members without which the answer would be another one, where they hold anything.
_REFUSED = ("container", "mcp_servers", "thread")
#: Members that change nothing that can be served, and the value that says nothing.
_DROPPED: dict[str, object] = {
    "service_tier": "auto",
    "speed": "standard",
    "inference_geo": None,
    "diagnostics": None,
    "context_management": None,
    "cache_control": None,
}


def settle(request: AskedRequest, remarks: Remarks) -> None:
    """Refuse, drop or pass over every member that no other module of this package translates.

    Raises:
        InvalidRequest: a member that would change the answer.
    """
    members = cast("dict[str, Any]", request)
    for name in _REFUSED:
        if members.get(name):
            why = RULES[f"{name}.refused"].says
            raise InvalidRequest(f"'{name}': {why}", param=name, code="unsupported_parameter")
    for name, neutral in _DROPPED.items():
        if members.get(name) not in (None, neutral):
            remarks.warn(f"{name}.dropped", name, "dropped, not known upstream")
    known = _TRANSLATED.union(_REFUSED, _DROPPED)
    for name in sorted(members.keys() - known):
        if members[name] is not None:
            remarks.warn("unknown.ignored", name, "unknown, ignored")
    for name in sorted((request.get("output_config") or {}).keys() - {"effort", "format"}):
        remarks.warn("unknown.ignored", f"output_config.{name}", "unknown, ignored")
