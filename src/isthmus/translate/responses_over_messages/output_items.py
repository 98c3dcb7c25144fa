"""The items of an answer, as whole answers and streams tell them alike."""

from __future__ import annotations

from typing import Any, Literal

from isthmus.translate.responses_over_messages.form import Head, ResponseForm
from isthmus.translate.responses_over_messages.namespaces import Named
from isthmus.translate.responses_over_messages.sealing import sealed
from isthmus.translate.to_messages.free_text import unwrapped
from isthmus.wire.messages.documents import Block
from isthmus.wire.responses.documents import Item, Part

Kind = Literal["msg", "rs", "fc", "ctc", "ws"]
#: Whether anything of the answer comes after a message.
Phase = Literal["commentary", "final_answer"]
WEB_SEARCH = "web_search"


def item_id(kind: Kind, head: Head, index: int) -> str:
    """Derive the id of the item at ``index`` from the response's, so that it is the same twice."""
    return f"{kind}_{head.id.removeprefix('resp_')}_{index}"


def text_part(text: str, pages: list[Part]) -> Part:
    """Make the part that a message's text is; ``pages`` are those it cites."""
    cited = [{"type": "url_citation", **page} for page in pages]
    return {"type": "output_text", "text": text, "annotations": cited, "logprobs": []}


def refusal_part(refusal: str) -> Part:
    """Make the part that says why the model declined."""
    return {"type": "refusal", "refusal": refusal}


def message(name: str, parts: list[Part], status: str, phase: Phase | None) -> Item:
    """Make a message; its phase is not known while it is under way."""
    item: Item = {
        "id": name,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": parts,
    }
    return item if phase is None else {**item, "phase": phase}


def reasoning(name: str, blocks: list[Block], form: ResponseForm) -> Item:
    """Make the item of a run of thinking: what is shown of it, and all of it, sealed."""
    shown = [block for block in blocks if form.shows_summaries and block.get("thinking")]
    return {
        "id": name,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": block["thinking"]} for block in shown],
        "encrypted_content": sealed(blocks, form.model, form.sealing),
    }


def function_call(name: str, block: Block, arguments: str, form: ResponseForm) -> Item:
    """Make the item of a call; ``arguments`` are JSON text."""
    return {
        "id": name,
        "type": "function_call",
        "status": "completed",
        "call_id": block.get("id", ""),
        **_named(block, form),
        "arguments": arguments,
    }


def custom_call(name: str, block: Block, value: Any, form: ResponseForm) -> Item:
    """Make the item of a call whose input is free text, which ``value`` wraps."""
    return {
        "id": name,
        "type": "custom_tool_call",
        "call_id": block.get("id", ""),
        **_named(block, form),
        "input": unwrapped(value),
    }


def web_search_call(name: str, arguments: Any, status: str) -> Item:
    """Make the item of a search that Claude made by itself."""
    query: object = arguments.get("query") if isinstance(arguments, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    action = {"type": "search", "query": query if isinstance(query, str) else ""}
    return {"id": name, "type": "web_search_call", "status": status, "action": action}


def is_search(block: Block) -> bool:
    """Say whether a block begins a search that clients are told of."""
    return block.get("type") == "server_tool_use" and block.get("name") == WEB_SEARCH


def search_status(result: Block | None) -> str:
    """Return how a search ended, by the block that brought its result."""
    found = result is not None and isinstance(result.get("content"), list)
    return "completed" if found else "failed"


def _named(block: Block, form: ResponseForm) -> dict[str, str]:
    flat: str = block.get("name", "")
    named = form.names.get(flat) or Named(flat)
    return {"name": named.name} | ({"namespace": named.namespace} if named.namespace else {})
