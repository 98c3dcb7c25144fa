"""Folds the chunks of a chat stream back into the completion a unary call would have returned."""

from __future__ import annotations

from typing import Any, cast

from isthmus.wire.chat.documents import Chunk, Completion
from isthmus.wire.chat.events import Done, first_choice
from isthmus.wire.chat.reader import AnswerReader
from isthmus.wire.chat.thoughts import DETAILS


class Fold:
    """Takes events in order; `completion` is what they add up to."""

    def __init__(self) -> None:
        self.reader = AnswerReader()
        self._head: Completion = {}
        self._usage: dict[str, Any] | None = None
        self._texts: dict[str, list[str]] = {"thoughts": [], "text": [], "refusal": []}

    @property
    def complete(self) -> bool:
        """Whether the answer has ended as its protocol demands."""
        return self.reader.complete

    def feed(self, event: Chunk | Done) -> None:
        """Take one event; what nobody knows changes nothing.

        Raises:
            UpstreamBroken: it is no chunk, or it says that the answer has failed.
        """
        piece = self.reader.feed(event)
        for name, pieces in self._texts.items():
            pieces.append(getattr(piece, name))
        if isinstance(event, Done):
            return
        for name in ("id", "created", "model", "system_fingerprint", "service_tier"):
            if event.get(name) is not None:
                self._head.setdefault(name, event[name])
        self._usage = _usage(event) or self._usage

    def close(self) -> None:
        """Mark the end of the input."""
        self.reader.close()

    @property
    def completion(self) -> Completion:
        """The completion so far."""
        choice: dict[str, Any] = {
            "index": 0,
            "message": self._message(),
            "finish_reason": self.reader.finish_reason,
        }
        if self.reader.stopped_by is not None:
            choice["stop_sequence"] = self.reader.stopped_by
        completion = {**self._head, "object": "chat.completion", "choices": [choice]}
        if self._usage is not None:
            completion["usage"] = self._usage
        return completion

    def _message(self) -> dict[str, Any]:
        said = {name: "".join(pieces) for name, pieces in self._texts.items()}
        message: dict[str, Any] = {"role": "assistant", "content": said["text"] or None}
        if said["refusal"]:
            message["refusal"] = said["refusal"]
        member = self.reader.thoughts_member
        if member is not None:
            entries = [{"type": "reasoning.text", "text": said["thoughts"]}]
            message[member] = entries if member == DETAILS else said["thoughts"]
        if self.reader.calls.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.text},
                }
                for call in self.reader.calls.calls
            ]
        return message


def _usage(chunk: Chunk) -> dict[str, Any] | None:
    """Return the usage of a chunk, which some vendors put into its choice."""
    for holder in (chunk, first_choice(chunk) or {}):
        usage: object = holder.get("usage")
        if isinstance(usage, dict):
            return cast("dict[str, Any]", usage)
    return None
