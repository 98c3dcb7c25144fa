"""A Messages answer becomes a response."""

from __future__ import annotations

from typing import Any, Literal, TypeGuard, cast

from msgspec import Struct

from isthmus.call import Usage
from isthmus.errors import UpstreamBroken
from isthmus.translate.responses_over_messages import output_items as items
from isthmus.translate.responses_over_messages.echo import response_document
from isthmus.translate.responses_over_messages.ending import CUT_OFF, ended
from isthmus.translate.responses_over_messages.form import Head, ResponseForm
from isthmus.translate.to_messages.ending import refusal_text
from isthmus.translate.to_messages.forced import as_call
from isthmus.translate.to_messages.json_object import unfenced
from isthmus.translate.to_messages.web_search import cited
from isthmus.wire import json
from isthmus.wire.messages.documents import Block, Message
from isthmus.wire.messages.usage import usage_of
from isthmus.wire.responses.documents import Item, Part, Response

#: Between two texts of one message that something unseen stood between.
SEPARATOR = "\n\n"
_NO_MESSAGE = "The upstream's answer is not a message."
THOUGHTS = ("thinking", "redacted_thinking")


class _Run(Struct):
    """Blocks that one item tells. ``apart``: those that something unseen stands before."""

    kind: Literal["message", "reasoning", "call", "search"]
    blocks: list[Block]
    apart: list[bool]


def response(
    message: Message,
    *,
    head: Head,
    form: ResponseForm,
    completed_at: int | None = None,
    usage: Usage | None = None,
) -> Response:
    """Translate a whole answer. ``completed_at`` in Unix seconds.

    ``form`` is the request's, ``usage`` the answer's, where somebody has read it already.

    Raises:
        UpstreamBroken: it is not a message.
    """
    try:
        return _translated(message, head, form, usage or usage_of(message), completed_at)
    except (KeyError, TypeError, AttributeError):
        raise UpstreamBroken(_NO_MESSAGE, code="invalid_answer") from None


def _translated(
    message: Message,
    head: Head,
    form: ResponseForm,
    usage: Usage | None,
    completed_at: int | None,
) -> Response:
    content: object = message.get("content")
    if not _is_blocks(content):
        raise UpstreamBroken(_NO_MESSAGE, code="invalid_answer")
    if form.answer.forced is not None:
        message = as_call(message, form.answer.forced)
        content = message.get("content") or []
    stop_reason = message.get("stop_reason")
    runs = _runs(content, form)
    if stop_reason == "refusal":
        runs = [run for run in runs if run.kind == "reasoning"]  # what came before it is void
    teller = _Teller(head, form, {b.get("tool_use_id"): b for b in content}, len(runs))
    output = [
        teller.item(run, index, cut_off=stop_reason in CUT_OFF) for index, run in enumerate(runs)
    ]
    if stop_reason == "refusal":
        refusal = items.refusal_part(refusal_text(message.get("stop_details")))
        name = items.item_id("msg", head, len(output))
        output.append(items.message(name, [refusal], "completed", "final_answer"))
    return ended(response_document(head, form.echo), output, stop_reason, usage, completed_at)


def _is_blocks(content: object) -> TypeGuard[list[Block]]:
    return isinstance(content, list) and all(
        isinstance(block, dict) for block in cast("list[object]", content)
    )


def _runs(content: list[Block], form: ResponseForm) -> list[_Run]:
    runs: list[_Run] = []
    apart = False
    for block in content:
        kind = _kind(block, form)
        if kind is None:
            apart = apart or block.get("type") != "text"
            continue
        grows = kind in ("message", "reasoning") and bool(runs) and runs[-1].kind == kind
        if not grows:
            runs.append(_Run(kind, [], []))
        runs[-1].blocks.append(block)
        runs[-1].apart.append(grows and apart)
        apart = False
    return runs


def _kind(
    block: Block, form: ResponseForm
) -> Literal["message", "reasoning", "call", "search"] | None:
    """Say which kind of item tells a block; None where none does."""
    match block.get("type"):
        case "text":
            return "message" if block.get("text") else None
        case "thinking" | "redacted_thinking":
            return None if form.answer.hide_thinking else "reasoning"
        case "tool_use":
            return "call"
        case _:
            return "search" if items.is_search(block) else None


class _Teller:
    """Makes the items of one answer; ``results`` are blocks by the use they belong to."""

    def __init__(
        self, head: Head, form: ResponseForm, results: dict[Any, Block], count: int
    ) -> None:
        self._head = head
        self._form = form
        self._results = results
        self._count = count

    def item(self, run: _Run, index: int, *, cut_off: bool) -> Item:
        block, form = run.blocks[0], self._form
        match run.kind:
            case "message":
                last = index == self._count - 1
                status = "incomplete" if cut_off and last else "completed"
                phase = "final_answer" if last else "commentary"
                return items.message(self._name("msg", index), [self._text(run)], status, phase)
            case "reasoning":
                return items.reasoning(self._name("rs", index), run.blocks, form)
            case "search":
                status = items.search_status(self._results.get(block.get("id")))
                return items.web_search_call(self._name("ws", index), block.get("input"), status)
            case "call" if block.get("name") in form.answer.custom_tools:
                value: Any = block.get("input") or {}
                return items.custom_call(self._name("ctc", index), block, value, form)
            case "call":
                arguments = json.encode_text(block.get("input") or {})
                return items.function_call(self._name("fc", index), block, arguments, form)

    def _name(self, kind: items.Kind, index: int) -> str:
        return items.item_id(kind, self._head, index)

    def _text(self, run: _Run) -> Part:
        text = ""
        pages: list[Part] = []
        for block, apart in zip(run.blocks, run.apart, strict=True):
            text += SEPARATOR if apart else ""
            start, text = len(text), text + block["text"]
            pages += cited(block, start, len(text))
        return items.text_part(unfenced(text) if self._form.answer.json_object else text, pages)
