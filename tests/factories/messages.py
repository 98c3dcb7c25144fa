"""Makes Messages answers and the streams that bring them, as upstream would."""

import json
from collections.abc import Iterator

from hypothesis import strategies as st

from isthmus.wire.messages.fold import Fold

USAGE = {
    "input_tokens": 11,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 7,
    "service_tier": "standard",
}


def message(*content: dict, stop_reason: str = "end_turn", **more) -> dict:
    """Make a whole answer."""
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-6",
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": USAGE,
        **more,
    }


def text(value: str) -> dict:
    return {"type": "text", "text": value}


def tool_use(call_id: str, name: str, arguments: dict) -> dict:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def thinking(value: str, signature: str = "c2ln") -> dict:
    return {"type": "thinking", "thinking": value, "signature": signature}


def stream(answer: dict, pieces: int = 3) -> list[dict]:
    """Take an answer apart into the events of its stream, texts in about ``pieces`` pieces."""
    early = {**answer["usage"], "output_tokens": 1}
    head = {**answer, "content": [], "stop_reason": None, "stop_sequence": None, "usage": early}
    head.pop("stop_details", None)
    events: list[dict] = [{"type": "message_start", "message": head}, {"type": "ping"}]
    for index, block in enumerate(answer["content"]):
        events += _block_events(index, block, pieces)
    delta = {name: answer.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    events.append({"type": "message_delta", "delta": delta, "usage": answer["usage"]})
    events.append({"type": "message_stop"})
    return events


def _block_events(index: int, block: dict, pieces: int) -> Iterator[dict]:
    start = {"index": index, "content_block": _empty(block)}
    yield {"type": "content_block_start", **start}
    for delta in _deltas(block, pieces):
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _empty(block: dict) -> dict:
    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "tool_use":
            return {**block, "input": {}}
        case _:
            return block


def _deltas(block: dict, pieces: int) -> Iterator[dict]:
    match block["type"]:
        case "text":
            for piece in _split(block["text"], pieces):
                yield {"type": "text_delta", "text": piece}
            for citation in block.get("citations", ()):
                yield {"type": "citations_delta", "citation": citation}
        case "thinking":
            for piece in _split(block["thinking"], pieces):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use" if block["input"]:
            for piece in _split(json.dumps(block["input"]), pieces):
                yield {"type": "input_json_delta", "partial_json": piece}


def _split(value: str, pieces: int) -> Iterator[str]:
    size = max(1, len(value) // pieces)
    return (value[at : at + size] for at in range(0, len(value), size))


def framed(events: list[dict]) -> bytes:
    """Write events as an upstream sends them."""
    return b"".join(
        b"event: %s\ndata: %s\n\n"
        % (e["type"].encode(), json.dumps(e, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        for e in events
    )


_WORDS = st.text(max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=6,
)
BLOCKS = st.one_of(
    st.builds(text, _WORDS),
    st.builds(thinking, _WORDS, st.text("abc=", min_size=1, max_size=8)),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, st.text("xyz", min_size=1)),
    st.builds(
        tool_use,
        st.text("abc123", min_size=1, max_size=6).map("toolu_{}".format),
        st.sampled_from(["look", "say"]),
        st.dictionaries(_WORDS, _JSON, max_size=3),
    ),
    st.just({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}),
)
USAGES = st.fixed_dictionaries(
    {"input_tokens": st.integers(0, 10**6), "output_tokens": st.integers(0, 10**6)},
    optional={
        "cache_creation_input_tokens": st.integers(0, 1000) | st.none(),
        "cache_read_input_tokens": st.integers(0, 1000),
        "output_tokens_details": st.just({"thinking_tokens": 5}),
        "service_tier": st.sampled_from(["standard", "priority"]),
    },
)
#: Whole answers of every kind that commute with streaming (a refusal does not: it voids text).
ANSWERS = st.builds(
    lambda content, reason, usage, sequence: message(
        *content,
        stop_reason=reason,
        usage=usage,
        stop_sequence=sequence if reason == "stop_sequence" else None,
    ),
    st.lists(BLOCKS, max_size=5),
    st.sampled_from(["end_turn", "max_tokens", "stop_sequence", "tool_use"]),
    USAGES,
    _WORDS,
)


def folded(events: list[dict]) -> dict:
    """Put the events of a stream together as a client would."""
    fold = Fold()
    for event in events:
        fold.feed(event)
    fold.close()
    return dict(fold.message)
