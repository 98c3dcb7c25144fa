"""The order of messages: who begins, what follows a tool call, how it may end."""

from __future__ import annotations

import re
from typing import Any

from isthmus.sandbox.errors import ApiError, invalid
from isthmus.sandbox.models import Model

Document = dict[str, Any]
Block = dict[str, Any]

_ID = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)
_NO_PREFILL = (
    "This model does not support assistant message prefill. "
    "The conversation must end with a user message."
)


class Turn:
    """Consecutive messages of one role: the API takes them as one."""

    def __init__(self, role: str, at: int) -> None:
        self.role = role
        self.at = at
        self.content: list[Block] = []
        #: Which message each block is of, and which block of that.
        self.places: list[tuple[int, int]] = []


def turns(document: Document) -> list[Turn]:
    """Merge the messages of a request into turns."""
    merged: list[Turn] = []
    for at, message in enumerate(document["messages"]):
        if not merged or merged[-1].role != message["role"]:
            merged.append(Turn(message["role"], at))
        content: str | list[Block] = message["content"]
        text = [{"type": "text", "text": content}] if isinstance(content, str) else content
        merged[-1].content += text
        merged[-1].places += [(at, place) for place in range(len(text))]
    return merged


def is_paused(document: Document) -> bool:
    """Say whether the last turn stopped at a search whose result is still to come."""
    last = document["messages"][-1]
    if last["role"] != "assistant" or isinstance(last["content"], str):
        return False
    return last["content"][-1]["type"] == "server_tool_use"


def check(document: Document, model: Model) -> None:
    """Check the order of turns, calls and results."""
    found = turns(document)
    if found[0].role == "system":
        raise invalid("messages.0", "the first message must not have the role system")
    if found[0].role != "user":
        raise invalid("messages.0", "the first message must use the user role")
    for place, turn in enumerate(found):
        before = found[place - 1] if place else None
        following = found[place + 1] if place + 1 < len(found) else None
        if turn.role == "system":
            _check_system(turn, before, following, model)
    spoken = [turn for turn in found if turn.role != "system"]
    _check_ids(spoken)
    for place, turn in enumerate(spoken):
        before = spoken[place - 1] if place else None
        following = spoken[place + 1] if place + 1 < len(spoken) else None
        if turn.role == "assistant":
            _check_calls(turn, following)
        else:
            _check_results(turn, before)
    if found[-1].role == "assistant" and not is_paused(document):
        _check_prefill(found[-1], model)


def _check_system(turn: Turn, before: Turn | None, following: Turn | None, model: Model) -> None:
    path = f"messages.{turn.at}"
    if not model.mid_system:
        raise invalid(f"{path}.role", "role 'system' is not supported on this model")
    if before is None or not (before.role == "user" or _ends_searching(before)):
        raise invalid(path, "a system message must directly follow a user message")
    if following is not None and following.role != "assistant":
        raise invalid(path, "a system message must be last or be followed by an assistant message")


def _ends_searching(turn: Turn) -> bool:
    return turn.content[-1]["type"] == "web_search_tool_result"


def _check_ids(spoken: list[Turn]) -> None:
    """Check that no two calls of a conversation go by the same id."""
    seen: set[str] = set()
    for turn in spoken:
        for call_id in [block["id"] for block in turn.content if block["type"] == "tool_use"]:
            if not _ID.fullmatch(call_id):
                rule = "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
                raise invalid(f"messages.{turn.at}", rule)
            if call_id in seen:
                raise invalid(f"messages.{turn.at}", "`tool_use` ids must be unique")
            seen.add(call_id)


def _check_calls(turn: Turn, following: Turn | None) -> None:
    calls = [block for block in turn.content if block["type"] == "tool_use"]
    ids = [call["id"] for call in calls]
    answered = {
        block["tool_use_id"]
        for block in (following.content if following else [])
        if block["type"] == "tool_result"
    }
    missing = [call_id for call_id in ids if call_id not in answered]
    if missing:
        raise ApiError(
            400,
            f"messages.{turn.at + 1}: `tool_use` ids were found without `tool_result` blocks "
            f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
            "corresponding `tool_result` block in the next message.",
        )


def _check_results(turn: Turn, before: Turn | None) -> None:
    asked = {
        block["id"] for block in (before.content if before else []) if block["type"] == "tool_use"
    }
    others = False
    seen: set[str] = set()
    for at, block in enumerate(turn.content):
        if block["type"] != "tool_result":
            others = True
            continue
        path = f"messages.{turn.at}.content.{at}"
        if block["tool_use_id"] not in asked:
            raise invalid(
                path,
                f"unexpected `tool_use_id` found in `tool_result` blocks: {block['tool_use_id']}. "
                "Each `tool_result` block must have a corresponding `tool_use` block in the "
                "previous message.",
            )
        if block["tool_use_id"] in seen:
            raise invalid(path, "each tool_use must have a single result")
        if others:
            raise invalid(path, "`tool_result` blocks must come first in the message")
        seen.add(block["tool_use_id"])


def _check_prefill(turn: Turn, model: Model) -> None:
    if not model.prefill:
        raise ApiError(400, _NO_PREFILL)
    last = turn.content[-1]
    if last["type"] == "text" and last["text"] != last["text"].rstrip():
        raise ApiError(400, "messages: final assistant content cannot end with trailing whitespace")
