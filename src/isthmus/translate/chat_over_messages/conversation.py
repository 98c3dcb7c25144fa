"""Chat messages become the system blocks and the turns of a Messages request."""

from __future__ import annotations

from isthmus.call import Capabilities
from isthmus.translate.chat_over_messages.content import blocks
from isthmus.translate.chat_over_messages.memory import NOTHING, Memory
from isthmus.translate.chat_over_messages.reasoning import Reasoning
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.free_text import WRAPPED
from isthmus.translate.to_messages.marks import put, put_last, written
from isthmus.translate.to_messages.turns import Turns, Wording, call_input, text_block
from isthmus.translate.tool_ids import accepted
from isthmus.wire.chat.documents import ChatMessage, ToolCall
from isthmus.wire.messages.documents import Block, Turn

_SYSTEM = ("system", "developer")
_WORDING = Wording(
    messages="messages",
    missing_results=(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages:"
    ),
    no_call="the assistant message before it made no call '{id}'.",
    duplicate_call="duplicate tool call id.",
)


class Conversation:
    """Builds `system` and `turns` from the messages of one request, in order.

    Raises:
        InvalidRequest: messages that no upstream could take, named by their path.
    """

    def __init__(
        self,
        messages: list[ChatMessage],
        capabilities: Capabilities,
        remarks: Remarks,
        memory: Memory = NOTHING,
    ) -> None:
        self._remarks = remarks
        self._reasoning = Reasoning(messages, capabilities, memory, remarks)
        self._turns = Turns(capabilities, remarks, _WORDING)
        start = self._take_leading(messages)
        for index, message in enumerate(messages[start:], start):
            path = f"messages[{index}]"
            if message.get("name"):
                remarks.warn("message.name.dropped", f"{path}.name", "dropped")
            match message["role"]:
                case "assistant":
                    self._speak(message, path, index)
                case "user":
                    self._turns.say(self._content(message, path), f"{path}.content")
                case "tool":
                    self._answer(message, path)
                case _:
                    self._turns.instruct(self._content(message, path), path)
        self._turns.close(f"messages[{len(messages) - 1}]")

    @property
    def system(self) -> list[Block]:
        """What the model is told beforehand."""
        return self._turns.system

    @property
    def turns(self) -> list[Turn]:
        """What was said since."""
        return self._turns.turns

    def _take_leading(self, messages: list[ChatMessage]) -> int:
        """Make the instructions before the conversation system blocks; return where it begins."""
        for index, message in enumerate(messages):
            if message["role"] not in _SYSTEM:
                return index
            path = f"messages[{index}]"
            if message.get("name"):
                self._remarks.warn("message.name.dropped", f"{path}.name", "dropped")
            self._turns.system += self._content(message, path)
        return len(messages)

    def _answer(self, message: ChatMessage, path: str) -> None:
        call_id = message.get("tool_call_id") or ""
        result = self._turns.answer(call_id, f"{path}.tool_call_id")
        content = message.get("content")
        if isinstance(content, str):
            if content:
                result["content"] = content
        elif content:
            result["content"] = blocks(content, f"{path}.content", self._remarks, marks_onto=result)
        put(written(message, path, self._remarks), result)

    def _speak(self, message: ChatMessage, path: str, index: int) -> None:
        content = blocks(message.get("content"), f"{path}.content", self._remarks)
        refusal = message.get("refusal")
        if refusal:
            content.append(text_block(refusal))
        calls = message.get("tool_calls") or []
        places = [f"{path}.tool_calls[{position}]" for position in range(len(calls))]
        content += [self._call(call, where) for call, where in zip(calls, places, strict=True)]
        put_last(written(message, path, self._remarks), content, self._remarks)
        content = self._reasoning.content(index, message, content)
        ids = [(call["id"], f"{where}.id") for call, where in zip(calls, places, strict=True)]
        self._turns.speak(content, ids)

    def _content(self, message: ChatMessage, path: str) -> list[Block]:
        """Translate what a message holds; a mark of the whole message stands on its last block."""
        content = blocks(message.get("content"), f"{path}.content", self._remarks)
        put_last(written(message, path, self._remarks), content, self._remarks)
        return content

    def _call(self, call: ToolCall, path: str) -> Block:
        used: Block = {"type": "tool_use", "id": accepted(call["id"])}
        if call["type"] == "custom":
            custom = call["custom"]
            return {**used, "name": custom["name"], "input": {WRAPPED: custom["input"]}}
        function = call["function"]
        arguments = call_input(function["arguments"], f"{path}.function.arguments", self._remarks)
        return {**used, "name": function["name"], "input": arguments}
