"""Every field of a request of the installed ``openai`` package, and where the ladder has it."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator
from typing import Any

import typing_extensions
from openai.types.chat import completion_create_params

from isthmus.translate.chat_over_messages.ladder import LADDER
from isthmus.translate.ladder import Rule

#: Members that have one fate with everything inside of them.
WHOLE = (
    "audio",
    "content[].file",
    "content[].input_audio",
    "content[].prompt_cache_breakpoint",
    "function_call",
    "functions",
    "messages[].audio",
    "messages[].function_call",
    "moderation",
    "prediction",
    "prompt_cache_options",
    "tools[].custom",
    "web_search_options",
)

#: Fields that the ladder also speaks of in other words: by the role, or by what they are part of.
IN_OTHER_WORDS = {
    "content[].image_url.url": "content[].image_url",
    "content[].refusal": "messages[].refusal",
    "content[].text": "messages[] user",
    "content[].type": "messages[] user",
    "messages[].content": "messages[] user",
    "messages[].role": "messages[]",
    "messages": "messages[]",
    "messages[].tool_call_id": "messages[] tool",
    "messages[].tool_calls[].custom": "tools[].custom",
    "messages[].tool_calls[].custom.input": "tools[].custom",
    "messages[].tool_calls[].custom.name": "tools[].custom",
    "messages[].tool_calls[].function": "messages[].tool_calls",
    "messages[].tool_calls[].function.arguments": "messages[].tool_calls",
    "messages[].tool_calls[].function.name": "messages[].tool_calls",
    "messages[].tool_calls[].type": "messages[].tool_calls",
    "response_format.json_schema": "response_format",
    "response_format.json_schema.description": "response_format",
    "response_format.json_schema.name": "response_format",
    "response_format.json_schema.schema": "response_format",
    "response_format.json_schema.strict": "response_format",
    "response_format.type": "response_format",
    "stream_options.include_obfuscation": "stream_options",
    "stream_options.include_usage": "stream_options",
    "tool_choice.allowed_tools": "tool_choice",
    "tool_choice.allowed_tools.mode": "tool_choice",
    "tool_choice.allowed_tools.tools": "tool_choice",
    "tool_choice.custom": "tool_choice",
    "tool_choice.custom.name": "tool_choice",
    "tool_choice.function": "tool_choice",
    "tool_choice.function.name": "tool_choice",
    "tool_choice.type": "tool_choice",
    "tools[].function.description": "tools[].function",
    "tools[].function.name": "tools[].function",
    "tools[].function.parameters": "tools[].function",
    "tools[].type": "tools",
}


def openai_fields() -> list[str]:
    """List the paths of all fields, deprecated ones too, with ``[]`` behind what is a list."""
    found = _walk(completion_create_params.CompletionCreateParamsStreaming, "", ())
    return list(dict.fromkeys(path.replace("messages[].content[]", "content[]") for path in found))


def rules_of(path: str) -> list[Rule]:
    """Find the rules that name a field; none means that the ladder has forgotten it."""
    names = {path, IN_OTHER_WORDS.get(path, path)}
    names |= {whole for whole in WHOLE if path.startswith((f"{whole}.", f"{whole}["))}
    return [rule for rule in LADDER if names.intersection(rule.fields)]


def _walk(kind: Any, path: str, above: tuple[Any, ...]) -> Iterator[str]:
    for name, hint in typing.get_type_hints(kind).items():
        here = f"{path}{name}"
        yield here
        for inner, suffix in _inside(hint, ""):
            if inner not in above:
                yield from _walk(inner, f"{here}{suffix}.", (*above, inner))


def _inside(hint: Any, suffix: str) -> Iterator[tuple[Any, str]]:
    """Find the documents that a type may hold: themselves, as alternatives, or in lists."""
    if typing_extensions.is_typeddict(hint):
        yield hint, suffix
        return
    origin = typing.get_origin(hint)
    inner = "[]" if isinstance(origin, type) and issubclass(origin, Iterable) else suffix
    for argument in typing.get_args(hint):
        yield from _inside(argument, inner)
