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
from isthmus.translate.chat_over_messages.ladder import LADDER, RULES
from isthmus.translate.ladder import Rule
from isthmus.translate.remarks import Remark
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.messages.documents import MessagesRequest

Document = Mapping[str, Any]

_SYSTEM = ("system", "developer")
_INDEX = re.compile(r"\[[0-9]+\]")


def applied(
    request: ChatRequest, sent: MessagesRequest, remarks: Iterable[Remark], *, renamed: bool
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
    place = _INDEX.sub("[]", param).replace("messages[].content[]", "content[]")
    return refusing(place, LADDER)


class _Met:
    """A request beside what was sent for it, as the conditions below ask about them."""

    def __init__(self, request: Document, sent: Document, remarks: Iterable[Remark]) -> None:
        self.request = request
        self.sent = sent
        self.messages: list[Document] = request.get("messages", [])
        self.roles = [message["role"] for message in self.messages]
        self.warned = {one.param for one in remarks if one.kind == "warning"}

    def kept(self, name: str) -> bool:
        """Whether a member went on under its own name, as it was."""
        return name in self.sent and name not in self.warned

    def thinks(self, kind: str) -> bool:
        """Whether a type of thinking was asked for, and sent."""
        return self.asked("thinking", "type") == kind == self.got("thinking", "type")

    def chose(self, asked: str, got: str) -> bool:
        """Whether this choice of tools was asked for, and became that one."""
        kind = self.asked("tool_choice", "type") or self.asked("tool_choice")
        return kind == asked and self.got("tool_choice", "type") == got

    def asked(self, *path: str) -> Any:
        """Return a member of the request, by its path."""
        return member(self.request, path)

    def got(self, *path: str) -> Any:
        """Return a member of what was sent, by its path."""
        return member(self.sent, path)

    def at(self, path: str) -> list[Any]:
        """Return all values at a path such as ``content[].file``; null is none."""
        full = f"messages[].{path}" if path.startswith("content[]") else path
        return values_at(self.request, full)

    def blocks(self) -> Iterator[tuple[str, Document]]:
        """Go through the content that was sent, with the role of its turn."""
        for turn in self.sent["messages"]:
            if isinstance(turn["content"], list):
                yield from ((turn["role"], block) for block in turn["content"])


_WHEN: dict[str, Callable[[_Met], bool]] = {
    "system.leading": lambda met: bool(met.roles) and met.roles[0] in _SYSTEM,
    "system.late.kept": lambda met: any(turn["role"] == "system" for turn in met.sent["messages"]),
    "turns.merged": lambda met: _is_merged(met.roles),
    "image.url": lambda met: _has_image(met, "http"),
    "image.data": lambda met: _has_image(met, "data:"),
    "assistant.empty": lambda met: any(map(_is_empty, met.messages)),
    "assistant.refusal": lambda met: bool(
        met.at("messages[].refusal") + met.at("content[].refusal")
    ),
    "tool_calls.ids": lambda met: bool(_ids_asked(met) - _ids_sent(met)),
    "prefill.kept": lambda met: met.sent["messages"][-1]["role"] == "assistant",
    "reasoning_details.kept": lambda met: (
        bool(met.at("messages[].reasoning_details")) and _thinks(met)
    ),
    "max_tokens.default": lambda met: not _limits(met),
    "max_tokens.kept": lambda met: (
        met.got("max_tokens") in _limits(met) and not met.warned & _LIMITS
    ),
    "temperature.kept": lambda met: met.kept("temperature"),
    "top_p.kept": lambda met: met.kept("top_p"),
    "top_k.kept": lambda met: met.kept("top_k"),
    "stop.sequences": lambda met: "stop_sequences" in met.sent,
    "stream.options": lambda met: bool(met.asked("stream")),
    "user.id": lambda met: (
        "metadata" in met.sent and not met.warned & {"user", "safety_identifier"}
    ),
    "service_tier.fast": lambda met: met.got("speed") == "fast",
    "service_tier.standard": lambda met: met.asked("service_tier") in ("default", "auto"),
    "thinking.budget": lambda met: met.thinks("enabled"),
    "thinking.adaptive": lambda met: met.thinks("adaptive"),
    "thinking.disabled": lambda met: met.thinks("disabled"),
    "thinking.between_tools": lambda met: met.thinks("between_tools"),
    "thinking.shown": lambda met: (
        met.got("thinking", "display") == "summarized" != met.asked("thinking", "display")
    ),
    "reasoning_effort.kept": lambda met: (
        bool(met.asked("reasoning_effort")) and not met.warned & {"reasoning_effort"}
    ),
    "tools.strict": lambda met: any(tool.get("strict") for tool in met.sent.get("tools", ())),
    "tool_choice.none": lambda met: met.chose("none", "none"),
    "tool_choice.auto": lambda met: met.asked("tool_choice") == "auto",
    "tool_choice.required": lambda met: met.chose("required", "any"),
    "tool_choice.function": lambda met: (
        met.chose("function", "tool") or met.chose("custom", "tool")
    ),
    "parallel_tool_calls.off": lambda met: met.asked("parallel_tool_calls") is False,
    "tool_choice.allowed": lambda met: (
        met.asked("tool_choice", "type") == "allowed_tools"
        and not met.warned & {"tool_choice.allowed_tools"}
        and met.got("output_config", "format") is None
    ),
    "response_format.object": lambda met: met.asked("response_format", "type") == "json_object",
    "thinking.recalled": lambda met: (
        _thinks(met) and not met.at("messages[].reasoning_details") + _given_blocks(met)
    ),
    "thinking_blocks.kept": lambda met: bool(_given_blocks(met)) and _thinks(met),
    "file.pdf": lambda met: _has_document(met, "base64"),
    "file.text": lambda met: _has_document(met, "text"),
    "file.image": lambda met: bool(met.at("content[].file")) and _has_sent(met, "image"),
    "cache_mark.result": lambda met: any(
        block["type"] == "tool_result" and "cache_control" in block for _, block in met.blocks()
    ),
    "cache_mark.moved": lambda met: "" in met.at("content[].text") and _is_marked(met),
    "caching.automatic": lambda met: (
        "cache_control" in met.sent and met.asked("cache_control") is None
    ),
    "caching.explicit": lambda met: met.asked("prompt_cache_options", "mode") == "explicit",
    "prompt_cache_retention.in_memory": lambda met: (
        met.asked("prompt_cache_retention") in ("in_memory", "in-memory")
    ),
    "output_config.extension": lambda met: (
        bool(met.asked("output_config"))
        and not met.warned & {"output_config.effort", "output_config.format"}
    ),
    "response_format.text": lambda met: met.asked("response_format", "type") == "text",
    "response_format.schema": lambda met: met.asked("response_format", "type") == "json_schema",
}

_LIMITS = {"max_tokens", "max_completion_tokens"}


def _applies(rule: Rule, met: _Met) -> bool:
    if rule.slug in _WHEN:
        return _WHEN[rule.slug](met)
    return any(_is_there(field, met) for field in rule.fields)


def _is_there(field: str, met: _Met) -> bool:
    path, _, role = field.partition(" ")
    return role in met.roles if role else bool(met.at(path))


def _is_merged(roles: list[str]) -> bool:
    sides = [role == "assistant" for role in roles if role not in _SYSTEM]
    return any(one == other for one, other in pairwise(sides))


def _is_empty(message: Document) -> bool:
    members = ("content", "tool_calls", "refusal", "reasoning_details")
    return message["role"] == "assistant" and not any(message.get(name) for name in members)


def _has_image(met: _Met, start: str) -> bool:
    urls: list[str] = met.at("content[].image_url.url")
    return any(url[: len(start)].lower() == start for url in urls)


def _thinks(met: _Met) -> bool:
    return any(block["type"] in ("thinking", "redacted_thinking") for _, block in met.blocks())


def _given_blocks(met: _Met) -> list[Any]:
    return met.at("messages[].thinking_blocks")


def _has_sent(met: _Met, kind: str) -> bool:
    return any(block["type"] == kind for _, block in _all_blocks(met))


def _has_document(met: _Met, source: str) -> bool:
    return any(
        block["type"] == "document" and block["source"]["type"] == source
        for _, block in _all_blocks(met)
    )


def _all_blocks(met: _Met) -> Iterator[tuple[str, Document]]:
    """Go through the content that was sent, that of tool results included."""
    for role, block in met.blocks():
        yield role, block
        if block["type"] == "tool_result" and isinstance(block.get("content"), list):
            yield from ((role, part) for part in block["content"])


def _is_marked(met: _Met) -> bool:
    return bool(met.at("content[].cache_control") + met.at("content[].prompt_cache_breakpoint"))


def _ids_asked(met: _Met) -> set[str]:
    return set(met.at("messages[].tool_calls[].id"))


def _ids_sent(met: _Met) -> set[str]:
    return {block["id"] for _, block in met.blocks() if block["type"] == "tool_use"}


def _limits(met: _Met) -> set[int]:
    return {met.request[name] for name in _LIMITS if met.request.get(name) is not None}
