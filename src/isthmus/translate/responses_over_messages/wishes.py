"""What a request asks for beside its conversation, in the words of Chat Completions, and back.

Both protocols ask for the same things; they name and place them differently. Whoever settles the
wishes speaks of them as chat does, and `Spelling` names them as the caller wrote them.
"""

from __future__ import annotations

import re
from typing import Any, cast

from msgspec import Struct

from isthmus.errors import InvalidRequest
from isthmus.translate.responses_over_messages.tools import Declared
from isthmus.wire.chat.documents import ChatRequest
from isthmus.wire.responses.documents import ResponsesRequest

_SAME = (
    *("temperature", "top_p", "parallel_tool_calls", "user", "safety_identifier"),
    *("service_tier", "prompt_cache_retention"),
)
_TOOL = re.compile(r"tools\[(\d+)\](?:\.(?:function|custom))?")
_SPELLINGS = (
    (re.compile(r"^max(?:_completion)?_tokens"), "max_output_tokens"),
    (re.compile(r"^(?:reasoning_effort|output_config\.effort)"), "reasoning.effort"),
    (re.compile(r"^thinking(?:\..*)?"), "reasoning"),
    (re.compile(r"^(?:response_format(?:\.json_schema)?|output_config\.format)"), "text.format"),
    (re.compile(r"^metadata\.user_id"), "user"),
    (re.compile(r"^tool_choice\.allowed_tools"), "tool_choice"),
)
_CHOSEN = re.compile(r"^(tool_choice.*)\.(?:function|custom)(?=\.name$)")


def wishes(request: ResponsesRequest, declared: Declared) -> ChatRequest:
    """Return the request in the words of Chat Completions, without its conversation."""
    asked = cast("dict[str, Any]", request)
    words: dict[str, Any] = {"model": request["model"], "messages": []}
    words |= {name: asked[name] for name in _SAME if asked.get(name) is not None}
    words["max_completion_tokens"] = request.get("max_output_tokens")
    options = request.get("prompt_cache_options") or {}
    words["prompt_cache_options"] = {name: options.get(name) for name in ("mode", "ttl")}
    words["tools"] = declared.tools
    words["tool_choice"] = declared.choice(request.get("tool_choice"))
    words["web_search_options"] = declared.search
    words["response_format"] = _response_format((request.get("text") or {}).get("format"))
    reasoning = request.get("reasoning") or {}
    words["reasoning_effort"] = reasoning.get("effort")
    words["thinking"] = {"display": "summarized" if shows_summaries(request) else "omitted"}
    return cast("ChatRequest", words)


def shows_summaries(request: ResponsesRequest) -> bool:
    """Say whether the caller wants to see what the model thinks."""
    reasoning = request.get("reasoning") or {}
    return bool(reasoning.get("summary") or reasoning.get("generate_summary"))


def _response_format(wanted: dict[str, Any] | None) -> dict[str, Any] | None:
    if wanted is None or wanted["type"] != "json_schema":
        return wanted
    schema = {name: value for name, value in wanted.items() if name != "type"}
    return {"type": "json_schema", "json_schema": schema}


class Spelling(Struct, frozen=True):
    """Names members as the caller wrote them. Paths that are the caller's own stay as they are.

    ``tools`` are the places of the tools that chat's words number, ``search`` that of the search.
    """

    tools: list[str]
    search: str

    def __call__(self, path: str) -> str:
        """Return the caller's path for one in the words of Chat Completions."""
        tool = _TOOL.match(path)
        if tool:
            return self.tools[int(tool[1])] + path[tool.end() :]
        if path.startswith("web_search_options"):
            return self.search + path.removeprefix("web_search_options")
        path = _CHOSEN.sub(r"\1", path)
        for pattern, spelling in _SPELLINGS:
            path = pattern.sub(spelling, path)
        return path

    def respelled(self, error: InvalidRequest) -> InvalidRequest:
        """Return the error as it would have been, had nobody put the request into other words."""
        if error.param is None:
            return error
        param = self(error.param)
        message = error.message.replace(f"'{error.param}'", f"'{param}'")
        message = message.replace("'web_search_options'", f"'{self.search}'")
        return InvalidRequest(message, param=param, code=error.code)
