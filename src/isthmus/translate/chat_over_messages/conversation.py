"""Chat messages become the system blocks and the turns of a Messages request.

The unit of work is the *gap*: all that stands between two assistant turns. Its tool results come
first, in the order of the calls; then what the user said; then any system text. Working by gaps
makes the result a function of the messages up to that point alone: a turn added later never changes
the ones before, which prompt caches and thinking signatures depend on.
"""

from __future__ import annotations

from msgspec import Raw

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.chat_over_messages.calls import WRAPPED
from isthmus.translate.chat_over_messages.content import blocks, text_block
from isthmus.translate.chat_over_messages.marks import put, put_last, written
from isthmus.translate.chat_over_messages.memory import NOTHING, Memory
from isthmus.translate.chat_over_messages.reasoning import Reasoning
from isthmus.translate.remarks import Remarks
from isthmus.translate.tool_ids import accepted
from isthmus.wire import json
from isthmus.wire.chat.documents import ChatMessage, ToolCall
from isthmus.wire.messages.documents import Block, Turn

_SYSTEM = ("system", "developer")


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
        self.system: list[Block] = []
        self.turns: list[Turn] = []
        self._capabilities = capabilities
        self._remarks = remarks
        self._reasoning = Reasoning(messages, capabilities, memory, remarks)
        self._awaited: dict[str, str] = {}  # id upstream -> id as the client wrote it
        self._results: dict[str, Block] = {}
        self._said: list[Block] = []
        self._instructions: list[tuple[str, Block]] = []
        start = self._take_leading(messages)
        for index, message in enumerate(messages[start:], start):
            path = f"messages[{index}]"
            if message.get("name"):
                remarks.warn("message.name.dropped", f"{path}.name", "dropped")
            match message["role"]:
                case "assistant":
                    self._speak(message, path, index)
                case "user":
                    self._say(message, path)
                case "tool":
                    self._answer(message, path)
                case _:
                    self._instruct(message, path)
        self._close_gap(at_end=True)
        self._end(f"messages[{len(messages) - 1}]")

    def _take_leading(self, messages: list[ChatMessage]) -> int:
        """Make the instructions before the conversation system blocks; return where it begins."""
        for index, message in enumerate(messages):
            if message["role"] not in _SYSTEM:
                return index
            path = f"messages[{index}]"
            if message.get("name"):
                self._remarks.warn("message.name.dropped", f"{path}.name", "dropped")
            self.system += self._content(message, path)
        return len(messages)

    def _instruct(self, message: ChatMessage, path: str) -> None:
        self._instructions += [(path, block) for block in self._content(message, path)]

    def _say(self, message: ChatMessage, path: str) -> None:
        content = self._content(message, path)
        if not content:
            raise InvalidRequest(f"'{path}.content' is empty.", param=f"{path}.content")
        self._said += content

    def _answer(self, message: ChatMessage, path: str) -> None:
        call_id = message.get("tool_call_id") or ""
        upstream_id = accepted(call_id)
        where = f"{path}.tool_call_id"
        if upstream_id in self._results:
            raise InvalidRequest(f"'{where}': '{call_id}' was answered before.", param=where)
        if upstream_id not in self._awaited:
            raise InvalidRequest(
                f"'{where}': the assistant message before it made no call '{call_id}'.", param=where
            )
        result: Block = {"type": "tool_result", "tool_use_id": upstream_id}
        content = message.get("content")
        if isinstance(content, str):
            if content:
                result["content"] = content
        elif content:
            result["content"] = blocks(content, f"{path}.content", self._remarks, marks_onto=result)
        put(written(message, path, self._remarks), result)
        self._results[upstream_id] = result

    def _speak(self, message: ChatMessage, path: str, index: int) -> None:
        content = blocks(message.get("content"), f"{path}.content", self._remarks)
        refusal = message.get("refusal")
        if refusal:
            content.append(text_block(refusal))
        calls = [
            self._call(call, f"{path}.tool_calls[{position}]")
            for position, call in enumerate(message.get("tool_calls") or [])
        ]
        content += calls
        put_last(written(message, path, self._remarks), content, self._remarks)
        content = self._reasoning.content(index, message, content)
        if not content:
            return  # a turn with nothing to carry; the gaps around it become one
        self._close_gap()
        for position, call in enumerate(calls):
            if call["id"] in self._awaited:
                where = f"{path}.tool_calls[{position}].id"
                raise InvalidRequest(f"'{where}': duplicate tool call id.", param=where)
            self._awaited[call["id"]] = (message.get("tool_calls") or [])[position]["id"]
        if self.turns and self.turns[-1]["role"] == "assistant":
            self.turns[-1]["content"] += content
        else:
            self.turns.append({"role": "assistant", "content": content})

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
        arguments = self._input(function["arguments"], f"{path}.function.arguments")
        return {**used, "name": function["name"], "input": arguments}

    def _input(self, arguments: str, path: str) -> object:
        """Pass the arguments on as the very text the model wrote, once they are known to be sound.

        Writing them anew could move a space or a digit, and with it the prompt's prefix.
        """
        if not arguments.strip():
            return {}
        try:
            document: object = json.decode(arguments.encode())
        except (json.MalformedJSON, UnicodeEncodeError):
            document = None
        if isinstance(document, dict):
            return Raw(arguments.strip().encode())
        self._remarks.warn("tool_calls.arguments.wrapped", path, "not a JSON object, sent as _raw")
        return {"_raw": arguments}

    def _close_gap(self, *, at_end: bool = False) -> None:
        """Write down what stands between two assistant turns; nothing between them joins them."""
        if not (self._results or self._said or self._instructions or at_end):
            return
        self._require_results()
        results = [self._results[call_id] for call_id in self._awaited]
        if results and self._said and _is_at_work(self.turns):
            self._remarks.warn(
                "tool.results.alone", "messages", "what the user said stands in the last result"
            )
            results[-1] = _with_words(results[-1], self._said)
            self._said = []
        content = results + self._said
        if content:
            self.turns.append({"role": "user", "content": content})
        self._place_instructions(after_user=bool(content))
        self._awaited, self._results, self._said, self._instructions = {}, {}, [], []

    def _require_results(self) -> None:
        missing = [wrote for sent, wrote in self._awaited.items() if sent not in self._results]
        if missing:
            raise InvalidRequest(
                "An assistant message with 'tool_calls' must be followed by tool messages "
                "responding to each 'tool_call_id'. The following tool_call_ids did not have "
                "response messages: "
                f"{', '.join(missing)}",
                param="messages",
            )

    def _place_instructions(self, *, after_user: bool) -> None:
        """Put system text that came later where the model takes it."""
        if not self._instructions:
            return
        content = [block for _, block in self._instructions]
        path = self._instructions[0][0]
        if not self._capabilities.mid_system:
            self._remarks.warn(
                "system.late.hoisted",
                path,
                "moved to the front, the model takes no later system text",
            )
            self.system += content
        elif after_user:
            self.turns.append({"role": "system", "content": content})
        else:
            self._remarks.warn("system.late.wrapped", path, "sent as a marked user message")
            for block in content:
                block["text"] = f"<system_message>{block['text']}</system_message>"
            self.turns.append({"role": "user", "content": content})

    def _end(self, path: str) -> None:
        """Check that the model takes a conversation that ends as this one does."""
        if self.turns and self.turns[-1]["role"] == "assistant":
            self._end_with_prefill(self.turns[-1], path)
        if not self.turns:
            raise InvalidRequest("'messages' needs at least one user message.", param="messages")

    def _end_with_prefill(self, last: Turn, path: str) -> None:
        if not self._capabilities.prefill:
            raise InvalidRequest(
                f"'{path}': this model does not support assistant message prefill. "
                "The conversation must end with a user message.",
                param=path,
                code="unsupported_prefill",
            )
        final = last["content"][-1]
        if final["type"] == "text":
            trimmed = final["text"].rstrip()
            if trimmed != final["text"]:
                self._remarks.warn("prefill.trimmed", path, "trailing white space removed")
            final["text"] = trimmed
            if not trimmed:
                last["content"].pop()
                put_last(final.get("cache_control"), last["content"], self._remarks)
            if not last["content"]:
                self.turns.pop()


def _is_at_work(turns: list[Turn]) -> bool:
    """Say whether the last turn waits for a tool of Claude's own; it then takes results alone."""
    content = turns[-1]["content"] if turns else []
    asked = {block["id"] for block in content if block["type"] == "server_tool_use"}
    return bool(asked - {block.get("tool_use_id") for block in content})


def _with_words(result: Block, said: list[Block]) -> Block:
    held: str | list[Block] = result.get("content") or []
    before = [text_block(held)] if isinstance(held, str) else held
    return {**result, "content": before + said}
