"""What clients of each protocol ask, and what upstreams of each protocol answer."""

from __future__ import annotations

from factories import completions, fake_chat, fake_upstream, messages
from factories.fake_upstream import Script

PIXEL = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CITY = {"city": "Paris"}
_IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
_SOURCE = {"type": "base64", "media_type": "image/png", "data": PIXEL}
_FUNCTION = {"name": "weather", "description": "Tell the weather.", "parameters": SCHEMA}
_CALLED = completions.call("call_1", "weather", '{"city":"Paris"}')
_OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "Sunny."}


def _user(content: object) -> dict:
    return {"role": "user", "content": content}


def _chat(*said: dict, **more: object) -> dict:
    return {"messages": [{"role": "system", "content": "Be brief."}, *said], **more}


def _messages(*said: dict, **more: object) -> dict:
    return {"system": "Be brief.", "max_tokens": 100, "messages": list(said), **more}


def _responses(*said: dict, **more: object) -> dict:
    return {"instructions": "Be brief.", "input": list(said), **more}


_CHAT_TOOLS = {"tools": [{"type": "function", "function": _FUNCTION}]}
_MESSAGES_TOOLS = {
    "tools": [{"name": "weather", "description": "Tell the weather.", "input_schema": SCHEMA}]
}
_RESPONSES_TOOLS = {"tools": [{"type": "function", **_FUNCTION, "strict": False}]}
_HELLO, _ASK = _user("Hello!"), _user("How is the weather in Paris?")

#: By door and scenario.
ASKED: dict[str, dict[str, dict]] = {
    "chat": {
        "text": _chat(_HELLO),
        "tool_call": _chat(_ASK, **_CHAT_TOOLS),
        "tool_result": _chat(
            _ASK,
            {"role": "assistant", "content": None, "tool_calls": [_CALLED]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Sunny."},
            **_CHAT_TOOLS,
        ),
        "thinking": _chat(_HELLO, reasoning_effort="high"),
        "image": _chat(_user([_IMAGE, {"type": "text", "text": "What is this?"}])),
        "error": _chat(_HELLO),
    },
    "messages": {
        "text": _messages(_HELLO),
        "tool_call": _messages(_ASK, **_MESSAGES_TOOLS),
        "tool_result": _messages(
            _ASK,
            {"role": "assistant", "content": [messages.tool_use("call_1", "weather", CITY)]},
            _user([{"type": "tool_result", "tool_use_id": "call_1", "content": "Sunny."}]),
            **_MESSAGES_TOOLS,
        ),
        "thinking": _messages(_HELLO, thinking={"type": "adaptive"}),
        "image": _messages(
            _user([{"type": "image", "source": _SOURCE}, messages.text("What is this?")])
        ),
        "error": _messages(_HELLO),
    },
    "responses": {
        "text": _responses(_HELLO),
        "tool_call": _responses(_ASK, **_RESPONSES_TOOLS),
        "tool_result": _responses(
            _ASK,
            {
                "type": "function_call",
                "call_id": "call_1",
                "name": "weather",
                "arguments": '{"city":"Paris"}',
            },
            _OUTPUT,
            **_RESPONSES_TOOLS,
        ),
        "thinking": _responses(_HELLO, reasoning={"effort": "high", "summary": "auto"}),
        "image": _responses(
            _user(
                [
                    {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"},
                    {"type": "input_text", "text": "What is this?"},
                ]
            )
        ),
        "error": _responses(_HELLO),
    },
}
SCENARIOS = tuple(ASKED["chat"])

_MESSAGE = {
    "text": messages.message(messages.text("Hello there.")),
    "tool_call": messages.message(
        messages.text("Let me see."),
        messages.tool_use("toolu_1", "weather", CITY),
        stop_reason="tool_use",
    ),
    "tool_result": messages.message(messages.text("It is sunny.")),
    "thinking": messages.message(messages.thinking("Hm."), messages.text("Hello there.")),
    "image": messages.message(messages.text("A pixel.")),
}
_COMPLETION = {
    "text": completions.completion("Hello there."),
    "tool_call": completions.completion("Let me see.", _CALLED, finish_reason="tool_calls"),
    "tool_result": completions.completion("It is sunny."),
    "thinking": completions.completion("Hello there.", reasoning_content="Hm."),
    "image": completions.completion("A pixel."),
}


def script(upstream: str, scenario: str, *, stream: bool) -> Script:
    """Return what an upstream answers."""
    if upstream == "messages":
        if scenario == "error":
            return fake_upstream.error(400, "invalid_request_error", "Not today.")
        answer = _MESSAGE[scenario]
        return (
            fake_upstream.events(messages.stream(answer)) if stream else fake_upstream.whole(answer)
        )
    if scenario == "error":
        return fake_chat.refused(400, "invalid_request_error", "Not today.")
    return fake_chat.both(_COMPLETION[scenario])[stream]
