"""Which protocol is served over which, and by what: the matrix of doors and upstreams."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Translation(Struct, frozen=True):
    """One cell. ``by`` are the packages of this room that serve it in turn; none: passed on."""

    door: Literal["chat", "messages", "responses"]
    upstream: Literal["messages", "chat"]
    by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name, such as ``chat_over_messages``."""
        return f"{self.door}_over_{self.upstream}"


TRANSLATIONS = (
    Translation("chat", "messages", ("chat_over_messages",)),
    Translation("chat", "chat"),
    Translation("messages", "messages"),
    Translation("messages", "chat", ("messages_over_chat",)),
    Translation("responses", "messages", ("responses_over_messages",)),
    Translation("responses", "chat", ("responses_over_messages", "messages_over_chat")),
)
