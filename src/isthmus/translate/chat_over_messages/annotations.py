"""What an answer cites, as Chat Completions tells it."""

from __future__ import annotations

from isthmus.translate.to_messages.web_search import cited
from isthmus.wire.chat.documents import Part
from isthmus.wire.messages.documents import Block


def url_citations(block: Block, start: int, end: int) -> list[Part]:
    """Return what a text block cites, each page once.

    ``start`` and ``end`` are the block's place in the content, in code points.
    """
    return [{"type": "url_citation", "url_citation": page} for page in cited(block, start, end)]
