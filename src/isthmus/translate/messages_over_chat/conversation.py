"""Turns of a Messages conversation become chat messages.

A user turn that brings results becomes one ``tool`` message for each, in the order of the calls,
and a user message with the rest.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from isthmus.errors import InvalidRequest
from isthmus.translate.messages_over_chat.content import (
    Means,
    Placed,
    as_content,
    note_mark,
    parts,
    placed,
    text_part,
)
from isthmus.translate.messages_over_chat.results import Result, result
from isthmus.translate.messages_over_chat.thoughts import Thoughts
from isthmus.translate.tool_ids import accepted
from isthmus.wire import json
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import AskedRequest, AskedTurn, Block

#: How the block begins with which Claude Code tells whom a call is billed to.
_ATTRIBUTION = "x-anthropic-billing-header"
#: Members of a message that this translation knows.
_KNOWN = frozenset({"role", "content"})
_THINKING = frozenset({"thinking", "redacted_thinking"})


class Turn(NamedTuple):
    """All that one side says before another one speaks."""

    role: str
    path: str
    blocks: list[Placed]

    @property
    def asks(self) -> bool:
        """Whether the user says something new here, and no tool answers."""
        results = any(each.block["type"] == "tool_result" for each in self.blocks)
        return self.role == "user" and not results


class Conversation:
    """The chat messages of a request, in order.

    Raises:
        InvalidRequest: turns that no upstream could take, named by their path.
    """

    def __init__(self, request: AskedRequest, means: Means, keys: tuple[bytes, ...]) -> None:
        self.messages: list[Part] = []
        self._means = means
        self._awaited: dict[str, str] = {}  # id as the client wrote it -> id upstream
        self._instruct(_instructions(request, means))
        turns = _turns(request["messages"], means)
        question = max((at for at, turn in enumerate(turns) if turn.asks), default=0)
        self._thoughts = Thoughts(means, keys)
        for at, turn in enumerate(turns):
            if turn.role != "user":
                self._require_results({}, turn.path)
            match turn.role:
                case "user":
                    self._say(turn)
                case "assistant":
                    self._speak(turn, in_loop=at > question)
                case _:
                    self._instruct_late(turn)
        self._require_an_end(turns[-1])

    def _instruct(self, blocks: list[Placed]) -> None:
        content = parts(self._texts(blocks), self._means)
        if content:
            role = self._means.dialect.instructions
            self._add(role, content)

    def _instruct_late(self, turn: Turn) -> None:
        if self._means.dialect.late_instructions:
            self._instruct(turn.blocks)
            return
        self._means.remarks.warn("system.late.wrapped", turn.path, "sent as a marked user message")
        for part in parts(self._texts(turn.blocks), self._means):
            text = f"<system_message>{part['text']}</system_message>"
            self._add("user", [text_part(text)])

    def _texts(self, blocks: list[Placed]) -> list[Placed]:
        """Leave out what is no text: nobody takes anything else as an instruction."""
        for path, block in blocks:
            if block["type"] != "text":
                self._means.remarks.warn("block.dropped", path, f"'{block['type']}' dropped")
        return [each for each in blocks if each.block["type"] == "text"]

    def _say(self, turn: Turn) -> None:
        results: dict[str, Result] = {}
        for each in turn.blocks:
            if each.block["type"] == "tool_result":
                self._answer(each, results)
        self._require_results(results, turn.path)
        answers = [results[call_id] for call_id in self._awaited]
        self._awaited = {}
        self.messages += [answer.message for answer in answers]
        said = [each for each in turn.blocks if each.block["type"] != "tool_result"]
        content = [part for answer in answers for part in answer.attached]
        content += parts(said, self._means)
        if content:
            self._add("user", content)
        elif not answers:
            raise InvalidRequest(f"'{turn.path}.content' is empty.", param=f"{turn.path}.content")

    def _answer(self, each: Placed, results: dict[str, Result]) -> None:
        call_id: str = each.block["tool_use_id"]
        where = f"{each.path}.tool_use_id"
        if call_id in results:
            raise InvalidRequest(f"'{where}': '{call_id}' was answered before.", param=where)
        if call_id not in self._awaited:
            raise InvalidRequest(
                f"'{where}': unexpected `tool_use_id` found in `tool_result` blocks: {call_id}. "
                "Each `tool_result` block must have a corresponding `tool_use` block in the "
                "previous message.",
                param=where,
            )
        results[call_id] = result(each, self._means)

    def _require_results(self, results: dict[str, Result], path: str) -> None:
        missing = [call_id for call_id in self._awaited if call_id not in results]
        if missing:
            raise InvalidRequest(
                f"'{path}': `tool_use` ids were found without `tool_result` blocks immediately "
                f"after: {', '.join(missing)}.",
                param=path,
            )

    def _speak(self, turn: Turn, *, in_loop: bool) -> None:
        kinds = {"tool_use", *_THINKING}
        said = parts([e for e in turn.blocks if e.block["type"] not in kinds], self._means)
        calls = [self._call(each) for each in turn.blocks if each.block["type"] == "tool_use"]
        thoughts = [each for each in turn.blocks if each.block["type"] in _THINKING]
        message: Part = {"role": "assistant"}
        message["content"] = as_content(said, self._means.dialect) if said else None
        message.update(self._thoughts.members(thoughts, in_loop=in_loop))
        if calls:
            message["tool_calls"] = calls
        if said or calls:
            self.messages.append(message)

    def _call(self, each: Placed) -> Part:
        path, block = each
        note_mark(block, self._means)
        call_id: str = block["id"]
        if call_id in self._awaited:
            raise InvalidRequest(f"'{path}.id': duplicate tool call id.", param=f"{path}.id")
        sent = self._awaited[call_id] = accepted(call_id, self._means.dialect.longest_call_id)
        function = {"name": block["name"], "arguments": json.encode_text(block["input"])}
        return {"id": sent, "type": "function", "function": function}

    def _add(self, role: str, content: list[Part]) -> None:
        self.messages.append({"role": role, "content": as_content(content, self._means.dialect)})

    def _require_an_end(self, last: Turn) -> None:
        if last.role == "assistant":
            raise InvalidRequest(
                f"'{last.path}': This model does not support assistant message prefill. "
                "The conversation must end with a user message.",
                param=last.path,
                code="unsupported_prefill",
            )


def _instructions(request: AskedRequest, means: Means) -> list[Placed]:
    """Return the blocks of ``system``, without the one that is not for the model."""
    blocks = placed(request.get("system"), "system")
    if blocks and str(blocks[0].block.get("text", "")).startswith(_ATTRIBUTION):
        means.remarks.note("system.attribution", blocks[0].path, "not for the model, not sent")
        return blocks[1:]
    return blocks


def _turns(messages: list[AskedTurn], means: Means) -> list[Turn]:
    """Join what one side says in several messages; Claude's own service does so, too."""
    turns: list[Turn] = []
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        for name in sorted(message.keys() - _KNOWN):
            if cast("Block", message)[name] is not None:
                means.remarks.warn("unknown.ignored", f"{path}.{name}", "unknown, ignored")
        blocks = placed(message["content"], f"{path}.content")
        if turns and turns[-1].role == message["role"]:
            turns[-1].blocks.extend(blocks)
        else:
            turns.append(Turn(message["role"], path, blocks))
    return turns
