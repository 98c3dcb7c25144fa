"""A Messages answer becomes a chat completion."""

from __future__ import annotations

from typing import Any, TypeGuard, cast

from isthmus.call import Usage
from isthmus.errors import UpstreamBroken
from isthmus.translate.chat_over_messages import calls, ending, reasoning
from isthmus.translate.chat_over_messages.annotations import url_citations
from isthmus.translate.to_messages.ending import refusal_text, service_tier
from isthmus.translate.to_messages.forced import as_call
from isthmus.translate.to_messages.form import PLAIN, AnswerForm
from isthmus.translate.to_messages.json_object import unfenced
from isthmus.wire.chat.documents import Completion, Part
from isthmus.wire.chat.usage import usage_document
from isthmus.wire.messages.documents import Block, Message
from isthmus.wire.messages.usage import usage_of

#: Between two texts that something else stood between; nothing is added where nothing did.
SEPARATOR = "\n\n"


def response(
    message: Message,
    *,
    model: str,
    created: int,
    form: AnswerForm = PLAIN,
    usage: Usage | None = None,
) -> Completion:
    """Translate a whole answer. ``model`` is the name the caller used, ``created`` in Unix seconds.

    ``form`` is the request's, ``usage`` the answer's, where somebody has read it already.

    Raises:
        UpstreamBroken: it is not a message.
    """
    content: object = message.get("content")
    if not _is_blocks(content):
        raise UpstreamBroken("The upstream's answer is not a message.", code="invalid_answer")
    usage = usage or usage_of(message) or Usage()
    if form.forced is not None:
        message = as_call(message, form.forced)
        content = message.get("content") or []
    choice: dict[str, Any] = {
        "index": 0,
        "message": _message(message, content, form),
        "finish_reason": ending.finish_reason(message.get("stop_reason"), legacy=form.legacy),
        "logprobs": None,
    }
    if message.get("stop_sequence") is not None:
        choice["stop_sequence"] = message.get("stop_sequence")
    completion: Completion = {
        "id": ending.completion_id(message.get("id")),
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": usage_document(usage),
        "system_fingerprint": None,
    }
    tier = service_tier(usage)
    if tier is not None:
        completion["service_tier"] = tier
    return completion


def _is_blocks(content: object) -> TypeGuard[list[Block]]:
    return isinstance(content, list) and all(
        isinstance(block, dict) for block in cast("list[object]", content)
    )


def _message(message: Message, content: list[Block], form: AnswerForm) -> dict[str, Any]:
    called = calls.members(content, form)
    translated: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    if message.get("stop_reason") == "refusal":
        translated["refusal"] = refusal_text(message.get("stop_details"))
        called = {}  # what came before a refusal is void
    else:
        text, cited = _text(content)
        if cited:
            translated["annotations"] = cited
        translated["content"] = (unfenced(text) if form.json_object else text) or (
            None if called else ""
        )
    details = [] if form.hide_thinking else _reasoning_details(content, form.account)
    thoughts = [entry["text"] for entry in details if "text" in entry]
    if thoughts:
        translated["reasoning_content"] = "".join(thoughts)
    if details:
        translated["reasoning_details"] = details
    translated.update(called)
    return translated


def _text(content: list[Block]) -> tuple[str, list[Part]]:
    """Join the texts, with a blank line where another kind of block stood between two of them.

    Returns what they cite, too.
    """
    text, apart = "", False
    cited: list[Part] = []
    for block in content:
        if block.get("type") != "text":
            apart = True
        elif block.get("text"):
            text += SEPARATOR if text and apart else ""
            start, text = len(text), text + block["text"]
            cited += url_citations(block, start, len(text))
            apart = False
    return text, cited


def _reasoning_details(content: list[Block], account: str) -> list[Part]:
    details: list[Part] = []
    for position, block in enumerate(content):
        index = len(details)
        if block.get("type") == "thinking":
            entry = reasoning.opening(index, position, account)
            entry["text"] = block.get("thinking", "")
            entry["signature"] = block.get("signature", "")
            details.append(entry)
        elif block.get("type") == "redacted_thinking":
            details.append(reasoning.encrypted(block.get("data", ""), index, position, account))
    return details
