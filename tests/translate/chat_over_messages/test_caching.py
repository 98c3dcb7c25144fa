"""Cache marks: never too many, never in an order that is refused, never where they cannot stand."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.thoughts import sign
from isthmus.routing.catalog import Catalog
from isthmus.sandbox.models import find
from isthmus.sandbox.rules import check
from isthmus.translate.chat_over_messages.request import Terms, Translated, translate
from isthmus.translate.remarks import Remarks
from isthmus.wire import json as wire_json
from isthmus.wire.chat.shape import checked

CATALOG = Catalog.load()
MODELS = ("claude-haiku-4-5-20251001", "claude-sonnet-4-6", "claude-opus-5-5")
THOUGHT = {
    "type": "reasoning.text",
    "id": "block-0",
    "format": "anthropic-claude-v1",
    "index": 0,
    "text": "Hm.",
    "signature": sign("Hm."),
}
LOOK = {"name": "look", "parameters": {"type": "object", "properties": {}}}
CALL = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
LIFETIMES = st.sampled_from([{}, {"ttl": "5m"}, {"ttl": "1h"}, {"ttl": "30m"}])
MARKS = LIFETIMES.flatmap(
    lambda ttl: st.sampled_from(
        [
            {},
            {"cache_control": {"type": "ephemeral", **ttl}},
            {"prompt_cache_breakpoint": {"mode": "explicit", **ttl}},
        ]
    )
)
TEXTS = st.builds(lambda text, mark: {"type": "text", "text": text, **mark}, st.text(), MARKS)
CONTENT = st.text(min_size=1) | st.lists(TEXTS, min_size=1, max_size=3).map(
    lambda parts: [*parts, {"type": "text", "text": "."}]
)


def said(role: str, **more) -> st.SearchStrategy[dict]:
    return st.builds(
        lambda content, mark: {"role": role, "content": content, **mark, **more}, CONTENT, MARKS
    )


EXCHANGES = st.one_of(
    st.tuples(said("user"), said("assistant", reasoning_details=[THOUGHT])),
    st.tuples(said("user"), said("assistant")),
    st.tuples(
        said("user"),
        said("assistant", reasoning_details=[THOUGHT], tool_calls=[CALL]),
        said("tool", tool_call_id="a"),
    ),
    st.tuples(said("user"), said("system")),
)


def joined(system: list[dict], exchanges: list[tuple[dict, ...]], last: dict) -> list[dict]:
    """Put exchanges one after the other; each call goes by an id of its own."""
    messages = [*system]
    for at, exchange in enumerate(exchanges):
        text = json.dumps(exchange).replace('"id": "a"', f'"id": "call_{at}"')
        messages += json.loads(text.replace('"tool_call_id": "a"', f'"tool_call_id": "call_{at}"'))
    return [*messages, last]


CONVERSATIONS = st.builds(
    joined,
    st.lists(said("system"), max_size=2),
    st.lists(EXCHANGES, max_size=4),
    said("user"),
)
TOOLS = st.builds(
    lambda outer, inner: [{"type": "function", "function": {**LOOK, **inner}, **outer}],
    MARKS,
    MARKS,
)
REQUESTS = st.builds(
    lambda messages, tools, more: {"messages": messages, "tools": tools, **more},
    CONVERSATIONS,
    TOOLS,
    st.sampled_from(
        [
            {},
            {"cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}},
            {"prompt_cache_options": {"ttl": "5m"}},
            {"prompt_cache_retention": "24h"},
        ]
    ),
)


def sent(request: dict, *, model: str = MODELS[1], caching: str = "auto") -> Translated:
    return translate(
        checked(json.loads(json.dumps({"model": model, **request}))),
        model,
        CATALOG.find(model).capabilities,
        remarks=Remarks(),
        terms=Terms(caching=caching),
    )


def marks(document: dict) -> Iterator[tuple[str, str]]:
    """List the kind of place and the lifetime of every mark, in the order of the prompt."""
    blocks = [*document.get("tools", []), *document.get("system", [])]
    blocks += [block for turn in document["messages"] for block in turn["content"]]
    blocks.append({"type": "end", **document})
    for block in blocks:
        if "cache_control" in block:
            yield block.get("type", "tool"), block["cache_control"].get("ttl", "5m")


@given(REQUESTS, st.sampled_from(MODELS), st.sampled_from(["auto", "off", "always"]))
def test_marks_are_few_and_the_long_lived_come_first(request, model, caching):
    found = list(marks(sent(request, model=model, caching=caching).document))
    lifetimes = [lifetime for _, lifetime in found]
    assert len(found) <= 4
    assert lifetimes == sorted(lifetimes)  # 1h is before 5m
    assert {"thinking", "redacted_thinking"}.isdisjoint(kind for kind, _ in found)


@given(REQUESTS, st.sampled_from(MODELS), st.sampled_from(["auto", "off", "always"]))
def test_sandbox_takes_whatever_is_marked(request, model, caching):
    translated = sent(request, model=model, caching=caching)
    document = json.loads(wire_json.encode(translated.document))
    assert check(document, translated.version, frozenset(translated.betas)) is find(model)


@given(REQUESTS)
def test_marks_change_nothing_but_marks(request):
    bare = without_marks(request)
    marked = json.loads(wire_json.encode(sent(request, caching="always").document))
    plain = json.loads(wire_json.encode(sent(bare, caching="off").document))
    assert without_marks(marked) == plain


def without_marks(document):
    if isinstance(document, list):
        return [without_marks(entry) for entry in document]
    if not isinstance(document, dict):
        return document
    dropped = ("cache_control", "prompt_cache_breakpoint")
    return {k: without_marks(v) for k, v in document.items() if k not in dropped}


def talk(length: int) -> dict:
    return {
        "messages": [
            {"role": "user", "content": "a" * (length - 4)},
            {"role": "assistant", "content": "b" * 3},
            {"role": "user", "content": "c"},
        ]
    }


def is_marked(request: dict, **settings) -> bool:
    return "cache_control" in sent(request, **settings).document


@pytest.mark.parametrize("model", MODELS)
def test_conversation_is_marked_from_the_models_minimum_on(model):
    least = CATALOG.find(model).capabilities.cache_minimum * 4
    assert is_marked(talk(least), model=model)
    assert not is_marked(talk(least - 1), model=model)


def test_first_question_is_marked_only_where_it_has_tools():
    request = {"messages": [{"role": "user", "content": "a" * 10_000}]}
    assert not is_marked(request)
    assert is_marked({**request, "tools": [{"type": "function", "function": LOOK}]})


@pytest.mark.parametrize(("caching", "marked"), [("always", True), ("off", False)])
def test_setting_decides_whatever_the_length(caching, marked):
    for length in (5, 10_000):
        assert is_marked(talk(length), caching=caching) is marked


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "é" * 2048},
        {"type": "file", "file": {"file_data": "data:text/plain;base64," + "YWFh" * 1366}},
        {"type": "file", "file": {"file_data": "JVBERi0xLjQK"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ],
)
def test_length_counts_bytes_of_texts_and_a_flat_rate_for_what_is_seen(part):
    request = talk(100)
    tools = [{"type": "function", "function": {**LOOK, "description": "d" * 400}}]
    assert not is_marked({**request, "tools": tools})
    request["messages"][0]["content"] = [part]
    assert is_marked({**request, "tools": tools})


def test_results_and_tools_count_in_the_length():
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "a", "content": "r" * 2048},
    ]
    tool = {"type": "function", "function": {**LOOK, "description": "d" * 2048}}
    assert is_marked({"messages": messages, "tools": [tool]})
    assert not is_marked({"messages": messages})
    assert not is_marked({"messages": messages[:1], "tools": [tool]})
    messages[2]["content"] = [{"type": "text", "text": "r" * 4096}]
    assert is_marked({"messages": messages})
