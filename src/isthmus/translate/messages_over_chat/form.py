"""What the translation of an answer must know of its request."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from isthmus.translate.messages_over_chat.signature import Seal

#: Whether the client sees what the model thought, gets it inside of its signature, or not at all.
Visibility = Literal["shown", "sealed", "hidden"]


class AnswerForm(Struct, frozen=True, kw_only=True):
    """How an answer is told to the client that waits for it.

    ``stops`` are the stop sequences that the upstream was told, ``watched`` those that it was not:
    they are looked for here. A ``seal`` of None leaves thinking out.
    """

    seal: Seal | None = None
    thoughts: Visibility = "hidden"
    stops: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()


PLAIN = AnswerForm()
