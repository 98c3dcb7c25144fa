"""Tools that come with the API: how they are declared, and what they leave in a conversation."""

from __future__ import annotations

import re
from typing import Any, cast

from isthmus.sandbox import web_search
from isthmus.sandbox.errors import invalid
from isthmus.sandbox.rules.conversation import Turn, is_paused, turns
from isthmus.sandbox.rules.fields import require, require_only, require_type

Document = dict[str, Any]
Block = dict[str, Any]

_ANY = ("type", "name", "allowed_callers", "cache_control", "defer_loading", "strict")
_WEB = (*_ANY, "allowed_domains", "blocked_domains", "max_uses")
_SEARCH = (*_WEB, "user_location")
_FETCH = (*_WEB, "citations", "max_content_tokens", "url_sources")
_CLIENT = (*_ANY, "input_examples")
#: The types a tool may have beside "custom": its name, and the members it may have.
_TOOLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "web_search_20250305": ("web_search", _SEARCH),
    "web_search_20260209": ("web_search", _SEARCH),
    "web_search_20260318": ("web_search", (*_SEARCH, "response_inclusion")),
    "web_fetch_20250910": ("web_fetch", _FETCH),
    "web_fetch_20260209": ("web_fetch", _FETCH),
    "web_fetch_20260309": ("web_fetch", (*_FETCH, "use_cache")),
    "web_fetch_20260318": ("web_fetch", (*_FETCH, "use_cache", "response_inclusion")),
    "code_execution_20250522": ("code_execution", _ANY),
    "code_execution_20250825": ("code_execution", _ANY),
    "code_execution_20260120": ("code_execution", _ANY),
    "code_execution_20260521": ("code_execution", _ANY),
    "tool_search_tool_bm25_20251119": ("tool_search_tool_bm25", _ANY),
    "tool_search_tool_regex_20251119": ("tool_search_tool_regex", _ANY),
    "bash_20250124": ("bash", _CLIENT),
    "text_editor_20250124": ("str_replace_editor", _CLIENT),
    "text_editor_20250429": ("str_replace_based_edit_tool", _CLIENT),
    "text_editor_20250728": ("str_replace_based_edit_tool", (*_CLIENT, "max_characters")),
    "memory_20250818": ("memory", _CLIENT),
}
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(/[!-~]*)?", re.ASCII)
_LOCATION = ("city", "region", "country", "timezone")
_INCLUSIONS = ("full", "excluded")


def check_declared(path: str, tool: Document) -> None:
    """Check a tool that has a type of its own.

    Raises:
        ApiError: naming the member that is wrong.
    """
    kind = tool["type"]
    if not isinstance(kind, str) or kind not in _TOOLS:
        expected = ", ".join(f"'{name}'" for name in ("custom", *_TOOLS))
        said = f"Input tag '{kind}' found using 'type' does not match any of the expected tags"
        raise invalid(path, f"{said}: {expected}")
    name, members = _TOOLS[kind]
    require_only(path, tool, members)
    if require(path, tool, "name", (str,)) != name:
        raise invalid(f"{path}.name", f"Input should be '{name}'")
    require_type(f"{path}.strict", tool.get("strict", False), (bool,))
    require_type(f"{path}.defer_loading", tool.get("defer_loading", False), (bool,))
    if tool.get("response_inclusion", "full") not in _INCLUSIONS:
        raise invalid(f"{path}.response_inclusion", f"Input should be one of {_INCLUSIONS}")
    _check_uses(path, tool)
    _check_domains(path, tool)
    if tool.get("user_location") is not None:
        _check_location(f"{path}.user_location", tool["user_location"])


def _check_uses(path: str, tool: Document) -> None:
    most = tool.get("max_uses")
    if most is not None:
        require_type(f"{path}.max_uses", most, (int,))
        if most < 1:
            raise invalid(f"{path}.max_uses", "Input should be greater than 0")


def _check_domains(path: str, tool: Document) -> None:
    given = [name for name in ("allowed_domains", "blocked_domains") if tool.get(name) is not None]
    if len(given) > 1:
        raise invalid(path, "Only one of `allowed_domains` and `blocked_domains` may be specified")
    for name in given:
        require_type(f"{path}.{name}", tool[name], (list,))
        for at, domain in enumerate(tool[name]):
            require_type(f"{path}.{name}.{at}", domain, (str,))
            if not _DOMAIN.fullmatch(domain):
                raise invalid(f"{path}.{name}.{at}", "Input should be a domain without a scheme")


def _check_location(path: str, location: Document) -> None:
    require_only(path, location, ("type", *_LOCATION))
    if location.get("type") != "approximate":
        raise invalid(f"{path}.type", "Input should be 'approximate'")
    for name in _LOCATION:
        require_type(f"{path}.{name}", location.get(name) or "", (str,))
    if len(location.get("country") or "us") != 2:
        raise invalid(f"{path}.country", "Input should be a two-letter country code")


# What they leave in a conversation ----------------------------------------------------------------


def check_use(path: str, block: Block) -> None:
    """Check a call of web search: the sandbox makes no others, and takes only its own.

    Raises:
        ApiError: naming what is wrong with the block.
    """
    require(path, block, "id", (str,))
    if require(path, block, "name", (str,)) != web_search.NAME:
        raise invalid(f"{path}.name", f"Input should be '{web_search.NAME}'")
    require(path, block, "input", (dict,))
    if not web_search.is_own(block):
        raise invalid(path, "Invalid `id` in `server_tool_use` block")


def check_result(path: str, block: Block) -> None:
    """Check the result of a search: its content comes back as it was.

    Raises:
        ApiError: naming what is wrong with the block.
    """
    require(path, block, "tool_use_id", (str,))
    content: Any = require(path, block, "content", (list, dict))
    if isinstance(content, dict):
        failure = cast("Document", content)
        require_only(f"{path}.content", failure, ("type", "error_code"))
        require(f"{path}.content", failure, "error_code", (str,))
        return
    for at, found in enumerate(cast("list[Block]", content)):
        place = f"{path}.content.{at}"
        members = ("type", "url", "title", "encrypted_content", "page_age")
        require_only(place, found, members)
        for name in members[:4]:
            require(place, found, name, (str,))
        if not web_search.is_sealed(found["encrypted_content"]):
            raise invalid(place, "Invalid `encrypted_content` in `search_result` block")


def check_citation(path: str, citation: Block) -> None:
    """Check one citation of a text; what other kinds of them hold is not looked into.

    Raises:
        ApiError: naming what is wrong with it.
    """
    require_type(path, citation, (dict,))
    if require(path, citation, "type", (str,)) != "web_search_result_location":
        return
    if not web_search.is_sealed(require(path, citation, "encrypted_index", (str,))):
        raise invalid(path, "Invalid `encrypted_index` in `web_search_result_location` citation")


def check(document: Document) -> None:
    """Check that every search of a turn has its result there, but for one that is to come."""
    paused = is_paused(document)
    found, seen = turns(document), set[str]()
    for turn in found:
        _check_pairs(turn, seen, waits=paused and turn is found[-1])
    tools: list[Document] = document.get("tools", [])
    if paused and not any(tool.get("name") == web_search.NAME for tool in tools):
        raise invalid("tools", f"`{web_search.NAME}` must be provided while its result is to come")


def _check_pairs(turn: Turn, seen: set[str], *, waits: bool) -> None:
    path, called = f"messages.{turn.at}", list[str]()
    for block in turn.content:
        if block["type"] == "server_tool_use":
            if block["id"] in seen:
                raise invalid(path, "`server_tool_use` ids must be unique")
            seen.add(block["id"])
            called.append(block["id"])
        elif block["type"] == "web_search_tool_result":
            if block["tool_use_id"] not in called:
                said = "unexpected `tool_use_id` found in `web_search_tool_result` blocks"
                raise invalid(path, f"{said}: {block['tool_use_id']}")
            called.remove(block["tool_use_id"])
    for call_id in called[:-1] if waits else called:
        raise invalid(
            path,
            f"`{web_search.NAME}` tool use with id `{call_id}` was found without a corresponding "
            f"`{web_search.NAME}_tool_result` block",
        )
