"""Members of a request that are not translated.

What would change the answer is refused; what would not is dropped and named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.responses_over_messages.ladder import RULES
from isthmus.wire.responses import shape
from isthmus.wire.responses.documents import ResponsesRequest

Test = Callable[[Any], bool]

_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")

#: Members that would change the answer, and what makes them do so.
_REFUSED: dict[str, tuple[Test, str]] = {
    "background": (bool, "unsupported_value"),
    "previous_response_id": (bool, "unsupported_parameter"),
    "conversation": (bool, "unsupported_parameter"),
    "prompt": (bool, "unsupported_parameter"),
    "moderation": (lambda _: True, "unsupported_parameter"),
    "top_logprobs": (bool, "unsupported_parameter"),
    "service_tier": (lambda tier: tier not in _TIERS, "unsupported_value"),
}

#: Members that change nothing that can be served, and when they are worth a word.
_DROPPED: dict[str, Test] = {
    "store": bool,
    "max_tool_calls": lambda _: True,
    "frequency_penalty": bool,
    "presence_penalty": bool,
    "truncation": lambda wanted: wanted == "auto",
    "context_management": bool,
    "background_options": lambda _: True,
    "image": lambda _: True,
    "access_programs": lambda _: True,
    "service_tier": lambda tier: tier in ("flex", "scale"),
}
#: The same, one level below.
_DROPPED_WITHIN: dict[str, dict[str, Test]] = {
    "text": {"verbosity": lambda _: True},
    "reasoning": {
        "context": lambda wanted: wanted != "auto",
        "mode": lambda wanted: wanted != "standard",
    },
    "prompt_cache_options": {"comparison_response_id": lambda _: True, "prewarm": bool},
}
#: Where items hold parts. What a reasoning item shows is not read, whatever it is.
_PARTS = {
    "message": "content",
    "function_call_output": "output",
    "custom_tool_call_output": "output",
}
_ALWAYS_INCLUDED = "reasoning.encrypted_content"


def settle(request: ResponsesRequest, remarks: Remarks) -> None:
    """Refuse, drop or pass over every member that no other module of this package translates.

    Raises:
        InvalidRequest: a member that would change the answer.
    """
    members = cast("dict[str, Any]", request)
    for name, (matters, code) in _REFUSED.items():
        value = members.get(name)
        if value is not None and matters(value):
            why = RULES[f"{name}.refused"].says
            raise InvalidRequest(f"'{name}': {why}", param=name, code=code)
    _drop(members, _DROPPED, "", remarks)
    for name, tests in _DROPPED_WITHIN.items():
        _drop(members.get(name) or {}, tests, f"{name}.", remarks)
        _name_unknown(members.get(name) or {}, shape.KNOWN_IN[name], f"{name}.", remarks)
    for index, wanted in enumerate(members.get("include") or ()):
        if wanted != _ALWAYS_INCLUDED:
            remarks.warn("include.dropped", f"include[{index}]", f"dropped, no {wanted} here")
    _name_unknown(members, shape.KNOWN_FIELDS, "", remarks)
    items = request.get("input")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        _settle_item(item, f"input[{index}].", remarks)


def _drop(
    members: Mapping[str, Any], tests: Mapping[str, Test], within: str, remarks: Remarks
) -> None:
    for name, matters in tests.items():
        value = members.get(name)
        if value is not None and matters(value):
            slug = f"{within}{name}.dropped"
            remarks.warn(slug, f"{within}{name}", f"dropped. {RULES[slug].says}")


def _settle_item(item: dict[str, Any], path: str, remarks: Remarks) -> None:
    kind = shape.kind_of(item)
    known = shape.KNOWN_IN_ITEM.get(kind)
    if known is None:
        return
    _name_unknown(item, known, path, remarks)
    parts: object = item.get(_PARTS.get(kind, ""))
    if isinstance(parts, list):
        place = f"{path}{_PARTS[kind]}"
        for index, part in enumerate(cast("list[dict[str, Any]]", parts)):
            in_part = shape.KNOWN_IN_PART[part["type"]]
            _name_unknown(part, in_part, f"{place}[{index}].", remarks)


def _name_unknown(
    members: Mapping[str, Any], known: frozenset[str], path: str, remarks: Remarks
) -> None:
    """Say which members nobody here knows; null means nothing, in any protocol."""
    for name in members.keys() - known:
        if members[name] is not None:
            remarks.warn("unknown.ignored", f"{path}{name}", "unknown, ignored")
