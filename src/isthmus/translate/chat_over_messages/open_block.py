"""A content block of a stream that is under way."""

from __future__ import annotations

from isthmus.wire.messages.documents import Block


class OpenBlock:
    """What has to be known of a block until it ends.

    ``position`` is its place in the whole turn, ``ordinal`` counts blocks of its kind as the client
    sees them. ``start_input`` is the input a tool call began with.
    """

    __slots__ = (
        *("barred", "cited", "custom", "end", "input", "kind"),
        *("ordinal", "position", "start", "written"),
    )

    def __init__(self, kind: str, position: int, start_input: object) -> None:
        self.kind = kind
        self.position = position
        self.ordinal = 0
        self.input = start_input
        #: The pieces of a call's arguments.
        self.written: list[str] = []
        #: A call that is not for the client.
        self.barred = False
        #: Id and name of a call whose input is free text.
        self.custom: tuple[str, str] | None = None
        #: What a text cites, and its place in the content.
        self.cited: list[Block] = []
        self.start: int | None = None
        self.end = 0
