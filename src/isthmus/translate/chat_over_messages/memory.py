"""What is known of a conversation beside what its client sends."""

from __future__ import annotations

from msgspec import Struct

from isthmus.translate.chat_over_messages.recall import Recalled


class Memory(Struct, frozen=True, kw_only=True):
    """``recalled``: earlier answers as upstream gave them; None where nothing is remembered.

    ``account``: a word for the account that will be asked.
    """

    recalled: Recalled | None = None
    account: str = ""


NOTHING = Memory()
