"""Whole chat completions, the chunks of their streams, and strategies that make both."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hypothesis import strategies as st

from isthmus.wire.chat.events import DONE

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def call(call_id: str, name: str, arguments: str) -> dict:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def completion(
    content: str | None = None, *calls: dict, finish_reason: str | None = "stop", **message
) -> dict:
    """Make a whole answer; ``message`` holds further members of its message."""
    said = {"role": "assistant", **message, "content": content}
    if calls:
        said["tool_calls"] = list(calls)
    return {
        "id": "chatcmpl-01",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [{"index": 0, "message": said, "finish_reason": finish_reason}],
        "usage": USAGE,
    }


def chunk(delta: dict | None = None, finish_reason: str | None = None, **more) -> dict:
    """Make one chunk of the stream of such an answer."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-01",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m-1",
        "choices": [choice],
        **more,
    }


def stream(answer: dict, pieces: int = 3, *, done: bool = True) -> list:
    """Take an answer apart into the events of its stream, texts in about ``pieces`` pieces."""
    [choice] = answer["choices"]
    message = choice["message"]
    events: list = [chunk({"role": "assistant", "content": ""})]
    for member, text in message.items():
        if isinstance(text, str) and member != "role":
            events += [chunk({member: piece}) for piece in split(text, pieces)]
    for index, made in enumerate(message.get("tool_calls", ())):
        events += [chunk({"tool_calls": [piece]}) for piece in _call_pieces(index, made, pieces)]
    events.append(chunk(finish_reason=choice["finish_reason"]))
    events.append({**chunk(), "choices": [], "usage": answer["usage"]})
    return [*events, DONE] if done else events


def _call_pieces(index: int, made: dict, pieces: int) -> Iterator[dict]:
    function = {"name": made["function"]["name"], "arguments": ""}
    yield {"index": index, "id": made["id"], "type": "function", "function": function}
    for piece in split(made["function"]["arguments"], pieces):
        yield {"index": index, "function": {"arguments": piece}}


def split(value: str, pieces: int) -> Iterator[str]:
    size = max(1, len(value) // pieces)
    return (value[at : at + size] for at in range(0, len(value), size))


def framed(events: list) -> bytes:
    """Write events as an upstream sends them."""
    texts = ["[DONE]" if e is DONE else json.dumps(e, ensure_ascii=False) for e in events]
    return b"".join(f"data: {text}\n\n".encode("utf-8", "surrogatepass") for text in texts)


_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=6,
)
CALLS = st.builds(
    call,
    st.text("abc123_:.", max_size=6),
    st.sampled_from(["look", "say"]),
    st.dictionaries(_WORDS, _JSON, max_size=3).map(json.dumps)
    | st.sampled_from(["", "null", " {}"]),
)
_COUNT = st.integers(0, 10**6)
USAGES = st.fixed_dictionaries(
    {"prompt_tokens": _COUNT, "completion_tokens": _COUNT},
    optional={
        "prompt_tokens_details": st.fixed_dictionaries({"cached_tokens": _COUNT}),
        "prompt_cache_hit_tokens": _COUNT,
        "completion_tokens_details": st.just({"reasoning_tokens": 5}) | st.none(),
    },
)
#: Whole answers of every kind that commute with streaming.
ANSWERS = st.builds(
    lambda thoughts, text, calls, reason, usage: {
        **completion(text, *calls, finish_reason=reason, **thoughts),
        "usage": usage,
    },
    st.dictionaries(st.sampled_from(["reasoning_content", "reasoning"]), _WORDS, max_size=2),
    _WORDS | st.none(),
    st.lists(CALLS, max_size=3),
    st.sampled_from(["stop", "length", "tool_calls", "content_filter", "eos"]),
    USAGES,
)
