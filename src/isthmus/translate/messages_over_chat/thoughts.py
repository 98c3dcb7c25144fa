"""What becomes of earlier thinking: what was signed here may go back, nothing else does."""

from __future__ import annotations

from isthmus.translate.messages_over_chat.content import Means, Placed
from isthmus.translate.messages_over_chat.signature import opened
from isthmus.wire.chat.documents import Part


class Thoughts:
    """Says what the thinking of an assistant turn adds to its chat message."""

    def __init__(self, means: Means, keys: tuple[bytes, ...]) -> None:
        self._means = means
        self._keys = keys

    def members(self, blocks: list[Placed], *, in_loop: bool) -> Part:
        """Return members to add. ``in_loop``: no user has said anything new since."""
        dialect, remarks = self._means.dialect, self._means.remarks
        texts: list[str] = []
        for path, block in blocks:
            text = opened(block, self._keys)
            if text is None:
                remarks.warn("thinking.dropped", path, "dropped, it was not signed here")
            else:
                texts.append(text)
        if not texts or dialect.thoughts_member is None:
            return {}
        if dialect.thoughts_back == "tool_loop" and not in_loop:
            return {}
        return {dialect.thoughts_member: "".join(texts)}
