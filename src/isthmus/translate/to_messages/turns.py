"""The turns of a Messages request, built from whatever stands between two assistant turns.

The unit of work is the *gap*: all that stands between two assistant turns. Its tool results come
first, in the order of the calls; then what the user said; then any system text. Working by gaps
makes the result a function of the messages up to that point alone: a turn added later never changes
the ones before, which prompt caches and thinking signatures depend on.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.to_messages.marks import put_last
from isthmus.translate.tool_ids import accepted
from isthmus.wire import json
from isthmus.wire.messages.documents import Block, Turn


class Wording(Struct, frozen=True, kw_only=True):
    """How a protocol names the parts of its conversation, for errors.

    ``missing_results`` is followed by the ids of calls without a result; ``no_call`` says of a
    result that there is no call with its ``{id}``.
    """

    messages: str
    missing_results: str
    no_call: str
    duplicate_call: str


def text_block(text: str) -> Block:
    """Make a text block. Upstream refuses empty ones: callers leave them out."""
    return {"type": "text", "text": text}


class Turns:
    """Builds `system` and `turns`; what it is told of has to come in order, `close` at the end.

    Raises:
        InvalidRequest: a conversation that no upstream could take, named by its path.
    """

    def __init__(self, capabilities: Capabilities, remarks: Remarks, wording: Wording) -> None:
        self.system: list[Block] = []
        self.turns: list[Turn] = []
        self._capabilities = capabilities
        self._remarks = remarks
        self._wording = wording
        self._awaited: dict[str, str] = {}  # id upstream -> id as the client wrote it
        self._results: dict[str, Block] = {}
        self._said: list[Block] = []
        self._instructions: list[tuple[str, Block]] = []

    def instruct(self, content: list[Block], path: str) -> None:
        """Take system text that stands within the conversation."""
        self._instructions += [(path, block) for block in content]

    def say(self, content: list[Block], path: str) -> None:
        """Take what the user said."""
        if not content:
            raise InvalidRequest(f"'{path}' is empty.", param=path)
        self._said += content

    def answer(self, call_id: str, where: str) -> Block:
        """Take the result of a call; return its block, still without content."""
        upstream_id = accepted(call_id)
        if upstream_id in self._results:
            raise InvalidRequest(f"'{where}': '{call_id}' was answered before.", param=where)
        if upstream_id not in self._awaited:
            reason = self._wording.no_call.format(id=call_id)
            raise InvalidRequest(f"'{where}': {reason}", param=where)
        result: Block = {"type": "tool_result", "tool_use_id": upstream_id}
        self._results[upstream_id] = result
        return result

    def speak(self, content: list[Block], calls: list[tuple[str, str]]) -> None:
        """Take what the model said. ``calls``: the ids of its calls, each with its path."""
        if not content:
            return  # a turn with nothing to carry; the gaps around it become one
        self._close_gap()
        for call_id, where in calls:
            if accepted(call_id) in self._awaited:
                raise InvalidRequest(f"'{where}': {self._wording.duplicate_call}", param=where)
            self._awaited[accepted(call_id)] = call_id
        if self.turns and self.turns[-1]["role"] == "assistant":
            self.turns[-1]["content"] += content
        else:
            self.turns.append({"role": "assistant", "content": content})

    def close(self, path: str) -> None:
        """Take the end; ``path`` is that of the last message."""
        self._close_gap(at_end=True)
        if self.turns and self.turns[-1]["role"] == "assistant":
            self._end_with_prefill(self.turns[-1], path)
        if not self.turns:
            name = self._wording.messages
            raise InvalidRequest(f"'{name}' needs at least one user message.", param=name)

    def _close_gap(self, *, at_end: bool = False) -> None:
        """Write down what stands between two assistant turns; nothing between them joins them."""
        if not (self._results or self._said or self._instructions or at_end):
            return
        self._require_results()
        results = [self._results[call_id] for call_id in self._awaited]
        if results and self._said and _is_at_work(self.turns):
            self._remarks.warn(
                "tool.results.alone",
                self._wording.messages,
                "what the user said stands in the last result",
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
                f"{self._wording.missing_results} {', '.join(missing)}",
                param=self._wording.messages,
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


def call_input(arguments: str, path: str, remarks: Remarks) -> object:
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
    remarks.warn("tool_calls.arguments.wrapped", path, "not a JSON object, sent as _raw")
    return {"_raw": arguments}


def _is_at_work(turns: list[Turn]) -> bool:
    """Say whether the last turn waits for a tool of Claude's own; it then takes results alone."""
    content = turns[-1]["content"] if turns else []
    asked = {block["id"] for block in content if block["type"] == "server_tool_use"}
    return bool(asked - {block.get("tool_use_id") for block in content})


def _with_words(result: Block, said: list[Block]) -> Block:
    held: str | list[Block] = result.get("content") or []
    before = [text_block(held)] if isinstance(held, str) else held
    return {**result, "content": before + said}
