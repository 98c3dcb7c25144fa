"""Claude searching the web by itself: ``web_search_options``, where the operator allows it."""

from __future__ import annotations

from typing import Any

from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.messages.documents import Block

NAME = "web_search"
_TYPE = "web_search_20260318"
_CITATION = "web_search_result_location"


def search_tool(
    request: ChatRequest, tools: list[Block], remarks: Remarks, *, allowed: bool
) -> list[Block]:
    """Return the tool that searches, if that was asked for; nothing otherwise.

    Raises:
        InvalidRequest: the operator does not allow it, or a tool of the caller's has its name.
    """
    options: dict[str, Any] | None = request.get("web_search_options")
    if options is None:
        return []
    if not allowed:
        raise InvalidRequest(
            "'web_search_options': web search is not enabled on this gateway.",
            param="web_search_options",
            code="unsupported_parameter",
        )
    for index, tool in enumerate(tools):
        if tool["name"] == NAME:
            raise InvalidRequest(
                f"'tools[{index}]': a tool cannot be called '{NAME}' beside 'web_search_options'.",
                param=f"tools[{index}]",
            )
    block: Block = {"type": _TYPE, "name": NAME}
    location = options.get("user_location")
    if location:
        place = {key: value for key, value in location["approximate"].items() if value is not None}
        block["user_location"] = {"type": "approximate", **place}
    if options.get("search_context_size") in ("low", "high"):
        remarks.warn(
            "web_search.context.dropped", "web_search_options.search_context_size", "dropped"
        )
    return [block]


def cited(block: Block, start: int, end: int) -> list[Block]:
    """Return the pages that a text block cites, each once, as OpenAI's annotations name them.

    ``start`` and ``end`` are the block's place in the content, in code points.
    """
    found: dict[str, Block] = {}
    for citation in block.get("citations") or ():
        if citation.get("type") == _CITATION:
            url = citation.get("url", "")
            title = citation.get("title") or ""
            page = {"start_index": start, "end_index": end, "title": title, "url": url}
            found.setdefault(url, page)
    return list(found.values())
