"""Requests of clients from before there were tools: ``functions`` and ``function_call``.

They are written anew in today's words, before anything else looks at them; errors and warnings name
the members as the caller wrote them.
"""

from __future__ import annotations

import re
from typing import Any, cast

from isthmus.errors import InvalidRequest
from isthmus.wire.chat.documents import ChatMessage, ChatRequest, Tool

#: How members are called here and there.
_SPELLINGS = (
    (re.compile(r"\btools\[(\d+)\]\.function"), r"functions[\1]"),
    (re.compile(r"\btools\b"), "functions"),
    (re.compile(r"\btool_choice(?:\.function)?"), "function_call"),
)
_IN_MESSAGES = re.compile(r"\b(messages\[(\d+)\])\.tool_calls(?:\[0\](?:\.function)?)?")


def is_legacy(request: ChatRequest) -> bool:
    """Say whether the answer has to speak of function calls."""
    return bool(request.get("functions"))


def modern(request: ChatRequest) -> ChatRequest:
    """Return the request with tools and tool calls only.

    Calls had no ids: they get one by their place, and each result belongs to the call before it.

    Raises:
        InvalidRequest: both vocabularies at once, or a result without a call.
    """
    messages = request["messages"]
    speaks = False
    for message in messages:
        if message["role"] == "function" or message.get("function_call"):
            speaks = True
            break
    functions, choice = request.get("functions"), request.get("function_call")
    if not (functions or choice or speaks):
        return request
    if functions and request.get("tools"):
        raise InvalidRequest("'functions' and 'tools' cannot go together.", param="functions")
    written = dict(cast("dict[str, Any]", request))
    written.pop("functions", None)
    written.pop("function_call", None)
    if functions:
        written["tools"] = [
            cast("Tool", {"type": "function", "function": function}) for function in functions
        ]
        # One call at a time is all that such a client can take.
        written["parallel_tool_calls"] = False
    if choice is not None:
        named = isinstance(choice, dict)
        written["tool_choice"] = {"type": "function", "function": choice} if named else choice
    if speaks:
        written["messages"] = _messages(messages)
    return cast("ChatRequest", written)


def _messages(messages: list[ChatMessage]) -> list[ChatMessage]:
    written: list[ChatMessage] = []
    calls = results = 0
    for index, message in enumerate(messages):
        call = message.get("function_call")
        if call is not None and message["role"] == "assistant":
            calls += 1
            results = calls - 1
            rest = {name: value for name, value in message.items() if name != "function_call"}
            made = {"id": f"call_legacy_{calls}", "type": "function", "function": call}
            message = cast("ChatMessage", {**rest, "tool_calls": [made]})  # noqa: PLW2901
        elif message["role"] == "function":
            if results == calls:
                path = f"messages[{index}]"
                raise InvalidRequest(
                    f"'{path}': there is no function call before this result.", param=path
                )
            results = calls
            said = message.get("content")
            result = {"role": "tool", "tool_call_id": f"call_legacy_{calls}", "content": said}
            message = cast("ChatMessage", result)  # noqa: PLW2901
        written.append(message)
    return written


def as_written(text: str, request: ChatRequest) -> str:
    """Put the paths of members in ``text`` as the caller of ``request`` wrote them."""
    if is_legacy(request):
        for pattern, spelling in _SPELLINGS:
            text = pattern.sub(spelling, text)
    place = _IN_MESSAGES.search(text)
    if place and request["messages"][int(place[2])].get("function_call"):
        text = _IN_MESSAGES.sub(r"\1.function_call", text)
    return text


def respelled(error: InvalidRequest, request: ChatRequest) -> InvalidRequest:
    """Return the error as it would have been, had we never written the request anew."""
    param = as_written(error.param, request) if error.param else None
    return InvalidRequest(as_written(error.message, request), param=param, code=error.code)
