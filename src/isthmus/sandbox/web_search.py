"""Web searches that never leave the house: their calls, their results and citations."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any

Document = dict[str, Any]
Block = dict[str, Any]

NAME = "web_search"
#: Every declaration of the tool has a type that begins so.
KIND = "web_search_"

#: Not a secret: it only keeps what was made here and what was not apart.
_KEY = b"isthmus sandbox, web search"
_PREFIX = "srvtoolu_"
_HALF = 12
_DIGEST = 32
_DOMAINS = ("example.com", "example.org", "example.net")
_AGES = ("November 2, 2026", "3 weeks ago", None)
_NO_WORD = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG = 40
_LONGEST_QUOTE = 150


def call(query: str, seed: str) -> Block:
    """Make the call of a search; its id vouches for the query."""
    nonce = hashlib.sha256(f"{seed}{query}".encode()).hexdigest()[:_HALF]
    call_id = f"{_PREFIX}{nonce}{_voucher(nonce, query)}"
    return {"type": "server_tool_use", "id": call_id, "name": NAME, "input": {"query": query}}


def is_own(block: Block) -> bool:
    """Say whether a call was made here, and still asks what it asked."""
    query = block["input"].get("query")
    nonce = block["id"].removeprefix(_PREFIX)[:_HALF]
    return isinstance(query, str) and block["id"] == f"{_PREFIX}{nonce}{_voucher(nonce, query)}"


def result(made: Block, tool: Document, earlier: int) -> Block:
    """Make the result of a call. ``earlier``: the searches the turn has made before it."""
    most: int | None = tool.get("max_uses")
    content: Block | list[Block] = _found(made["input"]["query"], tool)
    if most is not None and earlier >= most:
        content = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
    return {"type": "web_search_tool_result", "tool_use_id": made["id"], "content": content}


def citation(found: Block) -> Block:
    """Cite one result."""
    return {
        "type": "web_search_result_location",
        "url": found["url"],
        "title": found["title"],
        "encrypted_index": seal(found["url"]),
        "cited_text": f"{found['title']} is a page that does not exist."[:_LONGEST_QUOTE],
    }


def seal(text: str) -> str:
    """Return an opaque text that verifies only here."""
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b64encode(digest + _mac(digest)).decode()


def is_sealed(sealed: str) -> bool:
    """Say whether a text was made by `seal`."""
    try:
        raw = base64.b64decode(sealed, validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(raw[_DIGEST:], _mac(raw[:_DIGEST]))


def _found(query: str, tool: Document) -> list[Block]:
    slug = _NO_WORD.sub("-", query.lower())[:_LONGEST_SLUG].strip("-") or "page"
    places = [place.replace("*", slug) for place in tool.get("allowed_domains") or _DOMAINS]
    blocked: list[str] = tool.get("blocked_domains") or []
    pages = [
        page
        for place in places[: len(_AGES)]
        if not _is_blocked(page := f"{place.rstrip('/')}/{slug}", blocked)
    ]
    return [
        {
            "type": "web_search_result",
            "url": f"https://{page}",
            "title": f"{query[:_LONGEST_SLUG]} - {page.partition('/')[0]}",
            "encrypted_content": seal(f"{page} {query}"),
            "page_age": age,
        }
        for page, age in zip(pages, _AGES, strict=False)
    ]


def _is_blocked(page: str, blocked: list[str]) -> bool:
    """A blocked domain blocks what is below it, in names and in paths."""
    host, _, path = page.partition("/")
    for place in blocked:
        domain, _, below = place.partition("/")
        if (host == domain or host.endswith(f".{domain}")) and path.startswith(below.rstrip("*")):
            return True
    return False


def _voucher(nonce: str, query: str) -> str:
    return _mac(f"{nonce}{query}".encode()).hex()[:_HALF]


def _mac(said: bytes) -> bytes:
    return hmac.new(_KEY, said, hashlib.sha256).digest()
