"""A turn that takes more than one call upstream.

Upstream may pause a turn that its own tools make long, and wants it back as it is to go on. A model
may call a tool that it was allowed to see but not to call, and is told so once. What the client
gets is one answer.
"""

from __future__ import annotations

from typing import cast

from isthmus.errors import UpstreamBroken
from isthmus.wire.messages.documents import Block, Message, MessagesRequest

#: Further calls for one turn; after these it ends where it is.
MOST_HOPS = 5
NOT_NOW = "This tool is not available in this turn. Use another one, or answer without."


class AnswerTurn:
    """Follows one turn of the model: give each answer to `follow`, ask what it returns.

    ``document`` is the request as it was sent first. ``only``: calls to other tools are not for the
    client; None: all are.
    """

    def __init__(self, document: MessagesRequest, only: frozenset[str] | None = None) -> None:
        self._document = document
        self._only = only
        self._hops = 0
        self._told = False
        self._earlier: list[Block] = []
        #: The content of all answers as upstream gave it; None once it cannot be shown again.
        self.verbatim: list[Block] | None = []

    def follow(self, message: Message, verbatim: list[Block]) -> MessagesRequest | None:
        """Return the next request of the turn; None where it is over.

        ``verbatim`` is the message's content as upstream wants to see it again.

        Raises:
            UpstreamBroken: the model insists on tools it may not call.
        """
        content = message.get("content") or []
        if self.verbatim is not None:
            self.verbatim = self.verbatim + verbatim
        if message.get("stop_reason") == "pause_turn" and self._hops < MOST_HOPS:
            self._hops += 1
            self._earlier += content
            return self._longer(verbatim)
        barred = self._barred(content)
        if not barred:
            return None
        self.verbatim = None
        if len(barred) < sum(block.get("type") == "tool_use" for block in content):
            return None  # the others are calls enough
        if self._told:
            raise UpstreamBroken(
                "The model called a tool that 'tool_choice' does not allow.",
                code="tool_not_allowed",
            )
        self._told = True
        self._earlier.clear()
        return self._longer(verbatim, [_refusal(block) for block in barred])

    def whole(self, message: Message) -> Message:
        """Return the answer to the turn: the last ``message``, with what belongs before it."""
        if not self._earlier and self._only is None:
            return message
        content = self._earlier + (message.get("content") or [])
        barred = self._barred(content)
        shown = [block for block in content if block not in barred]
        return cast("Message", {**message, "content": shown})

    def _barred(self, content: list[Block]) -> list[Block]:
        if self._only is None:
            return []
        return [b for b in content if b.get("type") == "tool_use" and b["name"] not in self._only]

    def _longer(self, content: list[Block], said: list[Block] | None = None) -> MessagesRequest:
        turns = [*self._document.get("messages", [])]
        if turns and turns[-1]["role"] == "assistant":
            turns[-1] = {"role": "assistant", "content": turns[-1]["content"] + content}
        else:
            turns.append({"role": "assistant", "content": content})
        if said:
            turns.append({"role": "user", "content": said})
        self._document = cast("MessagesRequest", {**self._document, "messages": turns})
        return self._document


def _refusal(call: Block) -> Block:
    return {
        "type": "tool_result",
        "tool_use_id": call["id"],
        "is_error": True,
        "content": NOT_NOW,
    }
