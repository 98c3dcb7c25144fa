"""Which rules of the ladder a request met.

What was changed, dropped or noted is in the remarks. What was mapped goes without a word, so it is
read off the request and what was sent: a mapping rule applies where its field is there, unless
`_WHEN` knows better. Pure, and asked only when somebody wants an explanation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, cast

from isthmus.translate.applied import Applied, mapped, member, refusing, remarked, values_at
from isthmus.translate.ladder import Rule
from isthmus.translate.remarks import Remark
from isthmus.translate.responses_over_messages.ladder import LADDER, RULES
from isthmus.wire.messages.documents import MessagesRequest
from isthmus.wire.responses.documents import ResponsesRequest
from isthmus.wire.responses.shape import kind_of

Document = Mapping[str, Any]

_SYSTEM = ("system", "developer")
_INDEX = re.compile(r"\[[0-9]+\]")
_THOUGHTS = ("thinking", "redacted_thinking")
_CALLS = ("function_call", "custom_tool_call", "reasoning")


def applied(
    request: ResponsesRequest,
    sent: MessagesRequest,
    remarks: Iterable[Remark],
    *,
    renamed: bool,
) -> list[Applied]:
    """List what became of the request: what was changed, dropped or noted, then what was mapped.

    ``renamed``: the model was asked for by another name than its own.
    """
    said = list(remarks)
    met = _Met(cast("Document", request), cast("Document", sent), said)
    met_by = [
        rule
        for rule in LADDER
        if rule.step == "map" and (renamed if rule.slug == "model.alias" else _applies(rule, met))
    ]
    return remarked(said, RULES) + mapped(met_by)


def refused_by(param: str) -> str | None:
    """Name the rule that refuses what is at ``param``; None where it is not the only one."""
    place = _INDEX.sub("[]", param).replace("input[].content[]", "content[]")
    return refusing(place.replace("input[].output[]", "content[]"), LADDER)


class _Met:
    """A request beside what was sent for it, as the conditions below ask about them."""

    def __init__(self, request: Document, sent: Document, remarks: Iterable[Remark]) -> None:
        self.request = request
        self.sent = sent
        given = request.get("input")
        self.items: list[Document] = given if isinstance(given, list) else []
        self.kinds = [_kind(item) for item in self.items]
        tools: list[Document] = request.get("tools") or []
        self.tools = {tool["type"] for tool in tools}
        self.warned = {one.param for one in remarks if one.kind == "warning"}

    def asked(self, *path: str) -> Any:
        """Return a member of the request, by its path."""
        return member(self.request, path)

    def got(self, *path: str) -> Any:
        """Return a member of what was sent, by its path."""
        return member(self.sent, path)

    def kept(self, name: str) -> bool:
        """Whether a member went on under its own name, as it was."""
        return name in self.sent and name not in self.warned

    def chose(self, asked: str, got: str) -> bool:
        """Whether this choice of tools was asked for, and became that one."""
        kind = self.asked("tool_choice", "type") or self.asked("tool_choice")
        return kind == asked and self.got("tool_choice", "type") == got

    def parts(self, name: str) -> list[Any]:
        """Return what the content parts of all items have under a name."""
        return [
            value
            for holder in ("content", "output")
            for value in values_at(self.request, f"input[].{holder}[].{name}")
        ]

    def blocks(self) -> Iterator[Document]:
        """Go through the content that was sent."""
        for turn in self.sent["messages"]:
            yield from turn["content"]

    def has(self, place: str, kind: str) -> bool:
        """Whether there is an item, or a tool, of this kind."""
        return kind in (self.tools if place == "tools[]" else self.kinds)


_WHEN: dict[str, Callable[[_Met], bool]] = {
    "system.leading": lambda met: met.kinds[:1] in (["system"], ["developer"]),
    "system.late.kept": lambda met: any(turn["role"] == "system" for turn in met.sent["messages"]),
    "input.text": lambda met: isinstance(met.asked("input"), str),
    "turns.merged": lambda met: _is_merged(met.kinds),
    "image.url": lambda met: _has_image(met, "http"),
    "image.data": lambda met: _has_image(met, "data:"),
    "tool_calls.ids": lambda met: bool(_ids_asked(met) - _ids_sent(met)),
    "prefill.kept": lambda met: met.sent["messages"][-1]["role"] == "assistant",
    "reasoning.kept": lambda met: any(block["type"] in _THOUGHTS for block in met.blocks()),
    "max_tokens.default": lambda met: met.asked("max_output_tokens") is None,
    "max_tokens.kept": lambda met: met.got("max_tokens") == met.asked("max_output_tokens"),
    "temperature.kept": lambda met: met.kept("temperature"),
    "top_p.kept": lambda met: met.kept("top_p"),
    "user.id": lambda met: (
        "metadata" in met.sent and not met.warned & {"user", "safety_identifier"}
    ),
    "service_tier.fast": lambda met: met.got("speed") == "fast",
    "service_tier.standard": lambda met: met.asked("service_tier") in ("default", "auto"),
    "stream.options": lambda met: bool(met.asked("stream")),
    "reasoning_effort.kept": lambda met: (
        bool(met.asked("reasoning", "effort")) and "reasoning.effort" not in met.warned
    ),
    "reasoning.summary.shown": lambda met: met.got("thinking", "display") == "summarized",
    "tools.strict": lambda met: any(tool.get("strict") for tool in met.sent.get("tools", ())),
    "tools.web_search": lambda met: any("type" in tool for tool in met.sent.get("tools", ())),
    "tool_choice.none": lambda met: met.chose("none", "none"),
    "tool_choice.auto": lambda met: met.asked("tool_choice") == "auto",
    "tool_choice.required": lambda met: met.chose("required", "any"),
    "tool_choice.function": lambda met: (
        met.chose("function", "tool") or met.chose("custom", "tool")
    ),
    "tool_choice.allowed": lambda met: (
        met.asked("tool_choice", "type") == "allowed_tools"
        and "tool_choice" not in met.warned
        and met.got("output_config", "format") is None
    ),
    "parallel_tool_calls.off": lambda met: met.asked("parallel_tool_calls") is False,
    "response_format.text": lambda met: met.asked("text", "format", "type") == "text",
    "response_format.object": lambda met: met.asked("text", "format", "type") == "json_object",
    "response_format.schema": lambda met: (
        met.asked("text", "format", "type") == "json_schema"
        and met.got("output_config", "format") is not None
    ),
    "cache_mark.result": lambda met: any(
        block["type"] == "tool_result" and "cache_control" in block for block in met.blocks()
    ),
    "caching.automatic": lambda met: "cache_control" in met.sent,
    "caching.explicit": lambda met: met.asked("prompt_cache_options", "mode") == "explicit",
    "prompt_cache_retention.in_memory": lambda met: (
        met.asked("prompt_cache_retention") in ("in_memory", "in-memory")
    ),
    "include.encrypted_content": lambda met: (
        "reasoning.encrypted_content" in (met.asked("include") or ())
    ),
}


def _applies(rule: Rule, met: _Met) -> bool:
    if rule.slug in _WHEN:
        return _WHEN[rule.slug](met)
    return any(_is_there(field, met) for field in rule.fields)


def _is_there(field: str, met: _Met) -> bool:
    place, _, kind = field.partition(" ")
    if kind:
        return met.has(place, kind)
    if place.startswith("content[]."):
        return bool(met.parts(place.removeprefix("content[].")))
    return bool(values_at(met.request, place))


def _kind(item: Document) -> str:
    """Say what an item is: messages by their role."""
    kind = kind_of(item)
    return str(item.get("role")) if kind == "message" else kind


def _is_merged(kinds: list[str]) -> bool:
    sides = [kind == "assistant" or kind in _CALLS for kind in kinds if kind not in _SYSTEM]
    return any(one == other for one, other in pairwise(sides))


def _has_image(met: _Met, start: str) -> bool:
    urls: list[str] = met.parts("image_url")
    return any(url[: len(start)].lower() == start for url in urls)


def _ids_asked(met: _Met) -> set[str]:
    return {item["call_id"] for item in met.items if kind_of(item) in _CALLS and "call_id" in item}


def _ids_sent(met: _Met) -> set[str]:
    return {block["id"] for block in met.blocks() if block["type"] == "tool_use"}
