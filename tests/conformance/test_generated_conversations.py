"""Whatever legal thing a client says next, on whichever model, the answer is an answer.

Conversations grow from what the gateway itself has answered, as clients keep it: whole, or without
what they do not know. The sandbox judges each request by the rules of its model, thinking and its
bonds included.
"""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from factories.chat import fold
from factories.client import ask
from isthmus.routing.catalog import Catalog

MODELS = [row.id for row in Catalog.load().rows]
TOOLS = [
    {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}},
    {
        "type": "function",
        "function": {
            "name": "count",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {"to": {"type": "integer", "minimum": 1}},
                "required": ["to"],
            },
        },
    },
    {"type": "custom", "custom": {"name": "shell"}},
]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
MARK = {"cache_control": {"type": "ephemeral"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
CALLS = st.lists(st.sampled_from(["look", "count", "shell"]), max_size=2, unique=True)
KEEPING = st.sampled_from(["all", "plain", "text"])
TURN = st.fixed_dictionaries(
    {
        "calls": CALLS,
        "think": st.integers(0, 5),
        "redacted": st.booleans(),
        "keep": KEEPING,
        "stream": st.booleans(),
        "parts": st.booleans(),
        "marked": st.booleans(),
        "image": st.booleans(),
        "instruction": st.sampled_from([None, "before", "after"]),
        "options": st.sampled_from(
            [
                {},
                {"reasoning_effort": "low"},
                {"reasoning_effort": "none"},
                {"thinking": {"type": "enabled", "budget_tokens": 1024}},
                {"thinking": {"type": "adaptive"}},
                {"thinking": {"type": "disabled"}},
                {"temperature": 0.4, "top_p": 0.9, "stop": ["@@"]},
                {"parallel_tool_calls": False},
                {"response_format": {"type": "json_object"}},
                {
                    "response_format": {
                        "type": "json_schema",
                        "json_schema": {"name": "a", "schema": SCHEMA},
                    }
                },
                {"tool_choice": "none"},
                {"tool_choice": "required"},
                {"tool_choice": {"type": "function", "function": {"name": "look"}}},
                {"max_tokens": 700},
            ]
        ),
    }
)


def words(turn: dict) -> str:
    orders = [f"think={turn['think']}"] if turn["think"] else []
    if "tool_choice" not in turn["options"] and "response_format" not in turn["options"]:
        orders += [f"tool={name}" for name in turn["calls"]]
    if turn["redacted"]:
        orders.append("redacted")
    return f"Hello. [[sandbox: {' '.join(orders)}]]" if orders else "Hello."


def user(turn: dict) -> dict:
    if not (turn["parts"] or turn["image"] or turn["marked"]):
        return {"role": "user", "content": words(turn)}
    text = {"type": "text", "text": words(turn), **(MARK if turn["marked"] else {})}
    image = [{"type": "image_url", "image_url": {"url": PIXEL}}] if turn["image"] else []
    return {"role": "user", "content": [*image, text]}


def kept(message: dict, how: str) -> dict:
    if how == "all":
        return message
    known = ("role", "content", "tool_calls")
    plain = {name: message[name] for name in known if message.get(name) is not None}
    for call in plain.get("tool_calls", []):
        call.pop("index", None)
    return plain if how == "plain" else {**plain, "refusal": None, "annotations": []}


def results(message: dict) -> list[dict]:
    return [
        {"role": "tool", "tool_call_id": call["id"], "content": "done"}
        for call in reversed(message.get("tool_calls") or [])
    ]


def answered(gateway, model: str, messages: list[dict], turn: dict) -> dict:
    document = {"model": model, "messages": messages, "tools": TOOLS, "stream": turn["stream"]}
    answer = ask(gateway, {**document, **turn["options"]})
    assert (answer.status, answer.cut) == (200, False), answer.body
    completion = fold(answer.data) if turn["stream"] else answer.document
    told = json.dumps(answer.comments) + answer.headers.get("x-isthmus-warnings", "")
    lost = "thoughts" in told or "earlier thinking" in told
    return completion["choices"][0]["message"] | {"lost": lost}


def spoken(turn: dict) -> list[dict]:
    """Say what a turn says, with an instruction where it has one."""
    order = {"role": "developer", "content": "Mind your words."}
    placed = {"before": [order, user(turn)], "after": [user(turn), order]}
    return placed.get(turn["instruction"], [user(turn)])


def tells_the_model(turn: dict) -> bool:
    """Say whether a turn's options become an instruction: one that comes and goes is a change of
    what stood before the thinking."""
    return turn["options"].get("response_format", {}).get("type") == "json_object"


@settings(max_examples=100)
@given(st.sampled_from(MODELS), st.lists(TURN, min_size=1, max_size=4))
def test_conversation_goes_on_in_every_legal_way(gateway, model, turns):
    messages: list[dict] = []
    may_lose = any(map(tells_the_model, turns))
    for turn in turns:
        messages += spoken(turn)
        for step in (turn, *[{**turn, "options": {}}] * 3):
            message = answered(gateway, model, messages, step)
            assert not message.pop("lost") or may_lose
            messages += [kept(message, turn["keep"]), *results(message)]
            if not message.get("tool_calls"):
                break
