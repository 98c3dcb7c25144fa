"""What the gateway remembers of one client's conversation, and what it learns from its answer."""

from __future__ import annotations

from functools import cached_property

from isthmus.storage.stash import Stash
from isthmus.translate.chat_over_messages.recall import (
    Recalled,
    Visible,
    kept,
    restored,
    worth_keeping,
)
from isthmus.wire.chat.documents import ChatMessage
from isthmus.wire.messages.documents import Block


class Recollection:
    """Earlier answers of one conversation, for one ``tenant``."""

    def __init__(self, stash: Stash, tenant: str, messages: list[ChatMessage]) -> None:
        self._stash = stash
        self._tenant = tenant
        self._messages = messages
        self._is_new = all(message["role"] != "assistant" for message in messages)

    @cached_property
    def _visible(self) -> Visible:
        return Visible(self._messages)

    def recalled(self, account: str) -> Recalled:
        """Return what is known of answers that this account gave."""
        found: dict[int, list[Block]] = {}
        if self._is_new:
            return found
        for index, digest in self._visible.digests.items():
            content = self._stash.get(self._tenant, account, digest)
            if content is not None:
                found[index] = restored(content)
        return found

    def keep(self, account: str, message: ChatMessage, content: list[Block]) -> None:
        """Remember an answer; ``message`` is what the client sees of ``content``.

        That there was no thinking is worth remembering too: it is not missing then.
        """
        digest = self._visible.answered(message)
        if digest is not None:
            worth = content if worth_keeping(content) else []
            self._stash.put(self._tenant, account, digest, kept(worth))

    def forget(self, account: str) -> None:
        """Remember none of the earlier answers: upstream does not take their thinking."""
        for digest in self._visible.digests.values():
            self._stash.forget(self._tenant, account, digest)
