"""Members of a request that are not translated.

What would change the answer is refused; what would not is dropped and named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from isthmus.errors import InvalidRequest
from isthmus.translate.chat_over_messages.ladder import RULES
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat import shape
from isthmus.wire.chat.documents import ChatRequest

Test = Callable[[Any], bool]

_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")

#: Members that would change the answer, and what makes them do so.
_REFUSED: dict[str, tuple[Test, str]] = {
    "n": (lambda n: n > 1, "unsupported_value"),
    "logprobs": (bool, "unsupported_parameter"),
    "top_logprobs": (bool, "unsupported_parameter"),
    "logit_bias": (bool, "unsupported_parameter"),
    "audio": (bool, "unsupported_modality"),
    "modalities": (lambda asked: asked not in ([], ["text"]), "unsupported_modality"),
    "moderation": (lambda _: True, "unsupported_parameter"),
    "service_tier": (lambda tier: tier not in _TIERS, "unsupported_value"),
}

#: Members that change nothing that can be served, and when they are worth a word.
_DROPPED: dict[str, Test] = {
    "seed": lambda _: True,
    "frequency_penalty": bool,
    "presence_penalty": bool,
    "prediction": lambda _: True,
    "verbosity": lambda _: True,
    "store": bool,
    "service_tier": lambda tier: tier in ("flex", "scale"),
}

#: Members that nothing need be said of here.
_SERVED = shape.KNOWN_FIELDS - _REFUSED.keys() - _DROPPED.keys()

#: What our own answers carry and what SDKs add to a message sent back; none is an instruction.
_ECHOED = frozenset({"annotations", "reasoning_content", "parsed", "stop_sequence"})

_KNOWN_IN_MESSAGE = {role: known | _ECHOED for role, known in shape.KNOWN_IN_MESSAGE.items()}


def settle(request: ChatRequest, remarks: Remarks) -> None:
    """Refuse, drop or pass over every member that no other module of this package translates.

    Raises:
        InvalidRequest: a member that would change the answer.
    """
    members = cast("dict[str, Any]", request)
    if not members.keys() <= _SERVED:
        _settle_members(members, remarks)
    for index, message in enumerate(request.get("messages", ())):
        _settle_message(cast("dict[str, Any]", message), f"messages[{index}].", remarks)
    for index, tool in enumerate(request.get("tools") or ()):
        kind = tool["type"]
        known = shape.KNOWN_IN_CUSTOM if kind == "custom" else shape.KNOWN_IN_DECLARATION
        declared = cast("dict[str, Any]", tool[kind])
        _name_unknown(declared, known, f"tools[{index}].{kind}.", remarks)
    options = request.get("stream_options")
    if options is not None and not request.get("stream"):
        raise InvalidRequest(
            "'stream_options' is only allowed when 'stream' is true.", param="stream_options"
        )


def _settle_members(members: dict[str, Any], remarks: Remarks) -> None:
    for name in members.keys() & _REFUSED.keys():
        matters, code = _REFUSED[name]
        if members[name] is not None and matters(members[name]):
            why = RULES[f"{name}.refused"].says
            raise InvalidRequest(f"'{name}': {why}", param=name, code=code)
    for name, matters in _DROPPED.items():
        if members.get(name) is not None and matters(members[name]):
            slug = f"{name}.dropped"
            remarks.warn(slug, name, f"dropped. {RULES[slug].says}")
    _name_unknown(members, shape.KNOWN_FIELDS, "", remarks)


def _settle_message(message: dict[str, Any], path: str, remarks: Remarks) -> None:
    if message.get("audio"):
        raise InvalidRequest(
            f"'{path}audio': Claude does not speak.",
            param=f"{path}audio",
            code="unsupported_modality",
        )
    role: str = message["role"]
    _name_unknown(message, _KNOWN_IN_MESSAGE[role], path, remarks)
    content = message.get("content")
    if not isinstance(content, list):
        return
    for index, part in enumerate(cast("list[dict[str, Any]]", content)):
        known = shape.KNOWN_IN_PART[part["type"]]
        _name_unknown(part, known, f"{path}content[{index}].", remarks)


def _name_unknown(
    members: Mapping[str, Any], known: frozenset[str], path: str, remarks: Remarks
) -> None:
    """Say which members nobody here knows; null means nothing, in any protocol."""
    if members.keys() <= known:
        return
    for name in members.keys() - known:
        if members[name] is not None:
            remarks.warn("unknown.ignored", f"{path}{name}", "unknown, ignored")
