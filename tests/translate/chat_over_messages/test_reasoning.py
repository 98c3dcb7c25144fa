"""Thinking goes back whole and unbroken, or not at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from factories import messages as make
from isthmus.routing.catalog import Catalog
from isthmus.translate.chat_over_messages.conversation import Conversation
from isthmus.translate.chat_over_messages.memory import Memory
from isthmus.translate.chat_over_messages.recall import Visible, kept, restored
from isthmus.translate.remarks import Remarks
from isthmus.wire.json import encode

CATALOG = Catalog.load()
CHECKING, FREE = (CATALOG.find(name).capabilities for name in ("claude-opus-5-5", "claude-opus-5"))
BOUND = CATALOG.find("claude-sonnet-5-5").capabilities


def dialogue(turns: int) -> list[dict]:
    messages = [{"role": "user", "content": "0"}]
    for turn in range(turns):
        messages += [{"role": "assistant", "content": f"a{turn}"}, {"role": "user", "content": "x"}]
    return messages


def known(*turns: int) -> dict[int, list[dict]]:
    return {2 * t + 1: [make.thinking(f"t{t}"), make.text(f"a{t}")] for t in turns}


def thinking_turns(messages: list[dict], capabilities, memory: Memory) -> list[int]:
    turns = Conversation(messages, capabilities, Remarks(strict=True), memory).turns
    spoken = [turn["content"] for turn in turns if turn["role"] == "assistant"]
    return [n for n, content in enumerate(spoken) if content[0]["type"] == "thinking"]


@pytest.mark.parametrize(
    ("recalled", "checking", "free"),
    [
        (known(0, 1, 2), [0, 1, 2], [0, 1, 2]),
        (known(0, 2), [2], [0, 2]),
        (known(0, 1), [], [0, 1]),
        (known(1, 2), [1, 2], [1, 2]),
        (known(0, 2) | {3: []}, [0, 2], [0, 2]),
        ({}, [], []),
    ],
)
def test_remembered_thinking_goes_back_as_one_unbroken_run(recalled, checking, free):
    memory = Memory(recalled=recalled)
    assert thinking_turns(dialogue(3), CHECKING, memory) == checking
    assert thinking_turns(dialogue(3), FREE, memory) == free


@given(st.lists(st.sampled_from(["known", "none", "lost"]), max_size=6))
def test_what_once_was_dropped_never_comes_back(states):
    recalled = {}
    before: set[int] | None = None
    for turn, state in enumerate(states):
        if state != "lost":
            recalled |= known(turn) if state == "known" else {2 * turn + 1: []}
        memory = Memory(recalled=dict(recalled))
        now = set(thinking_turns(dialogue(turn + 1), CHECKING, memory))
        assert before is None or now - {turn} <= before
        before = now


def test_remembered_answer_goes_back_with_all_its_blocks_in_their_order():
    content = [
        make.thinking("a"),
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        make.text("a0"),
        {"type": "redacted_thinking", "data": "x"},
    ]
    memory = Memory(recalled={1: restored(kept(content))})
    turns = Conversation(dialogue(1), CHECKING, Remarks(), memory).turns
    assert json.loads(encode(turns[1]["content"])) == content


def test_remembered_calls_keep_the_very_text_of_their_input():
    text = b'{"b": 1.50, "a":"\\u00e9"}'
    (block,) = restored(kept([{**make.tool_use("1", "f", {}), "input": Raw(text)}]))
    assert bytes(block["input"]) == text


SEARCHING = {**make.tool_use("srvtoolu_1", "web_search", {}), "type": "server_tool_use"}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}


@pytest.mark.parametrize(("content", "alone"), [([SEARCHING], True), ([SEARCHING, FOUND], False)])
def test_claude_at_work_takes_results_alone(content, alone):
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "R"},
        {"role": "user", "content": "V"},
    ]
    memory = Memory(recalled={1: [*content, make.tool_use("c1", "f", {})]})
    remarks = Remarks()
    said = Conversation(messages, FREE, remarks, memory).turns[-1]["content"]
    assert [remark.slug for remark in remarks] == (["tool.results.alone"] if alone else [])
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "R"}
    together = {**result, "content": [make.text("R"), make.text("V")]}
    assert said == ([together] if alone else [result, make.text("V")])


def echo(block: str, text: str = "own") -> dict:
    return {
        "type": "reasoning.text",
        "format": "anthropic-claude-v1",
        "index": 0,
        "id": block,
        "text": text,
        "signature": "c2ln",
    }


def test_what_the_client_brings_back_comes_before_what_is_remembered():
    messages = dialogue(1)
    messages[1]["reasoning_details"] = [echo("block-0")]
    turns = Conversation(messages, CHECKING, Remarks(), Memory(recalled=known(0))).turns
    assert turns[1]["content"][0]["thinking"] == "own"


@pytest.mark.parametrize(("capabilities", "taken"), [(BOUND, False), (CHECKING, True)])
def test_thinking_of_another_account_is_left_out_where_it_could_not_be_read(capabilities, taken):
    messages = dialogue(1)
    messages[1]["reasoning_details"] = [echo("block-0-aaaa")]
    turns = Conversation(messages, capabilities, Remarks(), Memory(account="bbbb")).turns
    assert (turns[1]["content"][0]["type"] == "thinking") is taken
    same = Conversation(messages, capabilities, Remarks(), Memory(account="aaaa")).turns
    assert same[1]["content"][0]["type"] == "thinking"


# What makes two conversations the same ---------------------------------------------------------

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1,"b":2}'}}
BASE = [
    {"role": "system", "content": "S"},
    {"role": "user", "content": "U"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "R"},
    {"role": "assistant", "content": "A"},
]


def changed(index: int, **members) -> list[dict]:
    messages = json.loads(json.dumps(BASE))
    messages[index] |= members
    return messages


def last(messages: list[dict]) -> bytes:
    return list(Visible(messages).digests.values())[-1]


SPACED = {**CALL, "function": {"name": "f", "arguments": '{ "b": 2, "a": 1 }'}}


@pytest.mark.parametrize(
    "messages",
    [
        changed(0, role="developer"),
        changed(1, content=[{"type": "text", "text": "U"}], name="bob"),
        changed(1, content=[{"type": "text", "text": "U", "cache_control": {"type": "ephemeral"}}]),
        changed(2, content="", refusal=None, annotations=[], reasoning_content="hm"),
        changed(2, tool_calls=[SPACED]),
        changed(4, content=[{"type": "text", "text": "A"}], audio=None),
        [*BASE[:4], {"role": "assistant", "content": ""}, BASE[4]],
    ],
)
def test_what_clients_do_to_a_history_leaves_it_the_same(messages):
    assert last(messages) == last(BASE)


@pytest.mark.parametrize(
    "messages",
    [
        changed(0, content="T"),
        changed(1, content="V"),
        changed(2, tool_calls=[{**CALL, "id": "c2"}]),
        changed(2, content="said"),
        changed(3, content="Q"),
        changed(4, content="B"),
        BASE[1:],
        [BASE[1], BASE[0], *BASE[2:]],
        [
            *BASE[:1],
            {"role": "user", "content": ["U"[:0]] and "U"},
            {"role": "user", "content": "U"},
            *BASE[2:],
        ],
    ],
)
def test_another_conversation_is_another_one(messages):
    assert last(messages) != last(BASE)


def test_answer_is_found_by_what_its_client_sends_back():
    digest = Visible(BASE[:4]).answered({**BASE[4], "reasoning_content": "x", "refusal": None})
    assert digest == Visible(BASE).digests[4]
    assert Visible(BASE[:4]).answered({"role": "assistant", "content": ""}) is None


def test_asking_for_an_answers_digest_changes_nothing():
    visible = Visible(BASE[:4])
    assert visible.answered(BASE[4]) == visible.answered(BASE[4])
