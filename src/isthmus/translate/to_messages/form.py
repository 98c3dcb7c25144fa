"""What the translation of an answer must know of its request."""

from __future__ import annotations

from msgspec import Struct

from isthmus.translate.to_messages.forced import Forced


class AnswerForm(Struct, frozen=True, kw_only=True):
    """How an answer is told to the client that waits for it.

    ``custom_tools`` are names of tools whose input is free text; ``legacy`` clients know one
    function call where others know tool calls; ``json_object`` means a text that is one.
    """

    hide_thinking: bool = False
    forced: Forced | None = None
    custom_tools: frozenset[str] = frozenset()
    legacy: bool = False
    json_object: bool = False
    #: Texts may cite pages of the web.
    cites: bool = False
    #: Calls to other tools are not for the client; None: all are.
    only: frozenset[str] | None = None
    #: Marks the thinking that is shown, where only one account can read it again.
    account: str = ""


PLAIN = AnswerForm()
