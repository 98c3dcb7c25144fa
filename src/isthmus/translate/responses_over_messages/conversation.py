"""Input items become the system blocks and the turns of a Messages request.

What the model said comes in several items: thoughts, messages and calls that nothing of the
client's stands between are one turn, in the order they were said in.
"""

from __future__ import annotations

from msgspec import Struct

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.responses_over_messages.content import blocks
from isthmus.translate.responses_over_messages.namespaces import Named, Names
from isthmus.translate.responses_over_messages.sealing import Sealing
from isthmus.translate.responses_over_messages.thoughts import Thoughts
from isthmus.translate.to_messages.free_text import WRAPPED
from isthmus.translate.to_messages.turns import Turns, Wording, call_input, text_block
from isthmus.translate.tool_ids import accepted
from isthmus.wire.messages.documents import Block
from isthmus.wire.responses.documents import Item, ResponsesRequest
from isthmus.wire.responses.shape import kind_of

_SYSTEM = ("system", "developer")
_CALLS = ("function_call", "custom_tool_call")
_RESULTS = ("function_call_output", "custom_tool_call_output")
#: Searches that Claude made by itself: what they found is in the text.
_PAST = ("web_search_call",)
_WORDING = Wording(
    messages="input",
    missing_results="No tool output found for these calls:",
    no_call="no call '{id}' stands before it.",
    duplicate_call="duplicate call id.",
)


class Ground(Struct, frozen=True, kw_only=True):
    """What a conversation is read by, beside its items."""

    capabilities: Capabilities
    names: Names
    sealing: Sealing
    remarks: Remarks


class Conversation:
    """Builds `system` and `turns` from one request. `thoughts` says which thinking was left out.

    Raises:
        InvalidRequest: items that no upstream could take, named by their path.
    """

    def __init__(self, request: ResponsesRequest, ground: Ground) -> None:
        self._names = ground.names
        self._remarks = ground.remarks
        self._said: list[Block] = []
        self._calls: list[tuple[str, str]] = []
        self._turns = Turns(ground.capabilities, ground.remarks, _WORDING)
        items = _items(request)
        self.thoughts = Thoughts(items, ground.capabilities, ground.sealing, ground.remarks)
        if request.get("instructions"):
            self._turns.system.append(text_block(request.get("instructions") or ""))
        start = self._take_leading(items)
        for index, item in enumerate(items[start:], start):
            self._take(item, index, f"input[{index}]")
        self._end_turn()
        self._turns.close(f"input[{len(items) - 1}]" if items else "input")
        self.system = self._turns.system
        self.turns = self._turns.turns

    def _take_leading(self, items: list[Item]) -> int:
        """Make the instructions before the conversation system blocks; return where it begins."""
        for index, item in enumerate(items):
            if kind_of(item) != "message" or item["role"] not in _SYSTEM:
                return index
            self._turns.system += self._content(item, f"input[{index}]")
        return len(items)

    def _take(self, item: Item, index: int, path: str) -> None:
        kind = kind_of(item)
        if kind == "reasoning":
            self._said += self.thoughts.of(index)
        elif kind in _CALLS:
            self._call(item, path)
        elif kind in _RESULTS:
            self._end_turn()
            self._answer(item, path)
        elif kind == "message":
            self._message(item, path)
        elif kind not in _PAST:
            raise InvalidRequest(
                f"'{path}.type': items of type '{kind}' cannot be served here.",
                param=f"{path}.type",
                code="unsupported_value",
            )

    def _message(self, item: Item, path: str) -> None:
        content = self._content(item, path)
        if item["role"] == "assistant":
            self._said += content
            return
        self._end_turn()
        if item["role"] == "user":
            self._turns.say(content, f"{path}.content")
        else:
            self._turns.instruct(content, path)

    def _content(self, item: Item, path: str) -> list[Block]:
        return blocks(item["content"], f"{path}.content", self._remarks)

    def _call(self, item: Item, path: str) -> None:
        if item["type"] == "custom_tool_call":
            arguments: object = {WRAPPED: item["input"]}
        else:
            arguments = call_input(item["arguments"], f"{path}.arguments", self._remarks)
        self._calls.append((item["call_id"], f"{path}.call_id"))
        name = self._names.flat(Named(item["name"], item.get("namespace")))
        used: Block = {"type": "tool_use", "id": accepted(item["call_id"])}
        self._said.append({**used, "name": name, "input": arguments})

    def _end_turn(self) -> None:
        self._turns.speak(self._said, self._calls)
        self._said, self._calls = [], []

    def _answer(self, item: Item, path: str) -> None:
        result = self._turns.answer(item["call_id"], f"{path}.call_id")
        output: str | list[Item] = item["output"]
        if isinstance(output, str):
            if output:
                result["content"] = output
        elif output:
            result["content"] = blocks(output, f"{path}.output", self._remarks, marks_onto=result)


def _items(request: ResponsesRequest) -> list[Item]:
    given = request.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return given or []
