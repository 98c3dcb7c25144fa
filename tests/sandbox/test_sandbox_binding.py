"""Thinking is bound to the conversation, the account and the model it came from."""

import copy

import pytest

from isthmus.sandbox.app import application
from isthmus.sandbox.models import MODELS, find
from isthmus.sandbox.reading import can_read
from sandbox.exchange import Exchange

pytestmark = pytest.mark.anyio

OPUS, SONNET, OLD = "claude-opus-5-5", "claude-sonnet-5-5", "claude-opus-4-8"
BETA = "thinking-binding-controls-2026-08-01"
BOUND = "bound to a different conversation"
MARK = {"cache_control": {"type": "ephemeral"}}
TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object"}}
LATER = {"name": "g", "input_schema": {"type": "object"}, "defer_loading": True}
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png?sig=1"}}
PAGE = {"type": "text", "text": "a page"}
PAPER = {"type": "document", "source": {"type": "content", "content": [PAGE]}}
DROP = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}


def user(*content: dict | str) -> dict:
    blocks = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    return {"role": "user", "content": blocks}


def ask(*content: dict | str, **more) -> dict:
    said = {"system": "Be brief.", "messages": [user(*content)], "tools": [TOOL, LATER]}
    return {"model": OPUS, "max_tokens": 1000, **said, **more}


async def post(document: dict, path: str = "/v1/messages", **headers: str) -> Exchange:
    return await Exchange("POST", path, document, **headers).run(application())


async def answer(document: dict, **headers: str) -> dict:
    exchange = await post(document, **headers)
    assert exchange.status == 200, exchange.body
    return exchange.message()


async def go_on(document: dict, *content: dict | str, **headers: str) -> dict:
    """Take the answer of a request into it, and say something else, or the results of its calls."""
    message = await answer(document, **headers)
    calls = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call, "content": "Rain."} for call in calls]
    said = {"role": "assistant", "content": message["content"]}
    return {**document, "messages": [*document["messages"], said, user(*results, *content)]}


@pytest.fixture
async def talk() -> dict:
    """A conversation of four answers, each of which begins with a thought."""
    document = ask(IMAGE, 'Hi [[sandbox: tool=f{"a": 1, "b": 2}]]', PAPER)
    for said in ("And now? [[sandbox: redacted]]", "So?", "Well?"):
        document = await go_on(document, said)
    return await go_on(document, "Bye.")


def thoughts(document: dict) -> list[tuple[int, int]]:
    return [
        (at, place)
        for at, message in enumerate(document["messages"])
        if not isinstance(message["content"], str)
        for place, block in enumerate(message["content"])
        if block["type"] in ("thinking", "redacted_thinking")
    ]


def without(document: dict, *ordinals: int) -> dict:
    """Leave some of the thoughts out."""
    changed = copy.deepcopy(document)
    for at, place in sorted((thoughts(document)[o] for o in ordinals), reverse=True):
        del changed["messages"][at]["content"][place]
    return changed


def edited(document: dict, *path: str | int, to: object) -> dict:
    changed = node = copy.deepcopy(document)
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = to
    return changed


def moved(document: dict) -> dict:
    """Undo the order of members, cut turns in two, and make strings of single texts."""
    messages = []
    for message in copy.deepcopy(document)["messages"]:
        for block in message["content"]:
            part = {name: block[name] for name in reversed(block)}
            if "input" in part:
                part["input"] = dict(reversed(part["input"].items()))
            content = part["text"] if part["type"] == "text" else [part]
            messages.append({"role": message["role"], "content": content})
    return {**document, "messages": messages}


LEGAL = {
    "nothing": lambda d: d,
    "no thoughts at all": lambda d: without(d, *range(len(thoughts(d)))),
    "first thought gone": lambda d: without(d, 0),
    "first three thoughts gone": lambda d: without(d, 0, 1, 2),
    "last thought gone": lambda d: without(d, -1),
    "last two thoughts gone": lambda d: without(d, -1, -2),
    "only one in the middle left": lambda d: without(d, 0, 1, -1, -2),
    "other form": moved,
    "breakpoint": lambda d: {**d, **MARK},
    "breakpoint on a block": lambda d: edited(d, "messages", 0, "content", 0, to={**IMAGE, **MARK}),
    "breakpoint on a tool": lambda d: edited(d, "tools", 0, to={**TOOL, **MARK}),
    "breakpoint in a document": lambda d: edited(
        d, "messages", 0, "content", 2, "source", "content", 0, to={**PAGE, **MARK}
    ),
    "nothing said of citations": lambda d: edited(
        d, "messages", 3, "content", 2, "citations", to=None
    ),
    "system text as a block": lambda d: {**d, "system": [{"type": "text", "text": d["system"]}]},
    "result as a block": lambda d: edited(
        d, "messages", 2, "content", 0, "content", to=[{"type": "text", "text": "Rain."}]
    ),
    "another effort": lambda d: {**d, "output_config": {"effort": "low"}},
    "another limit": lambda d: {**d, "max_tokens": 500},
    "no more tools": lambda d: {**d, "tool_choice": {"type": "none"}},
    "metadata": lambda d: {**d, "metadata": {"user_id": "u"}},
    "display": lambda d: {**d, "thinking": {"type": "adaptive", "display": "summarized"}},
    "one more tool for later": lambda d: {**d, "tools": [*d["tools"], {**LATER, "name": "h"}]},
    "no tool for later": lambda d: {**d, "tools": [TOOL]},
    "signed address renewed": lambda d: edited(
        d, "messages", 0, "content", 0, "source", "url", to="https://example.com/a.png?sig=2"
    ),
    "appended": lambda d: {**d, "messages": [*d["messages"], user("More.")]},
    "another model that reads it": lambda d: {**d, "model": "claude-fable-5-1"},
}

#: What is changed, and which thoughts, by their number, that makes strangers.
ILLEGAL = {
    "system text changed": (lambda d: {**d, "system": "Be long."}, [0, 1, 2, 3, 4]),
    "system text gone": (
        lambda d: {name: value for name, value in d.items() if name != "system"}, [0, 1, 2, 3, 4]
    ),
    "tool changed": (
        lambda d: edited(d, "tools", 0, "description", to="e"), [0, 1, 2, 3, 4]
    ),
    "tool renamed": (lambda d: edited(d, "tools", 0, "name", to="h"), [0, 1, 2, 3, 4]),
    "tool added": (
        lambda d: {**d, "tools": [*d["tools"], {**TOOL, "name": "h"}]}, [0, 1, 2, 3, 4]
    ),
    "tool for later loaded": (
        lambda d: edited(d, "tools", 1, to={**TOOL, "name": "g"}), [0, 1, 2, 3, 4]
    ),
    "image changed": (
        lambda d: edited(
            d, "messages", 0, "content", 0, "source", "url", to="https://example.com/b.png"
        ),
        [0, 1, 2, 3, 4],
    ),
    "call changed": (
        lambda d: edited(d, "messages", 1, "content", 1, "input", to={"a": 2, "b": 2}),
        [1, 2, 3, 4],
    ),
    "result changed": (
        lambda d: edited(d, "messages", 2, "content", 0, "content", to="Sun."), [1, 2, 3, 4]
    ),
    "said by somebody else": (
        lambda d: {**d, "messages": [*d["messages"][:2], *_ordered(d["messages"][2]),
                                     *d["messages"][3:]]},
        [1, 2, 3, 4],
    ),
    "answer changed": (
        lambda d: edited(d, "messages", 3, "content", 2, "text", to="Other."), [3, 4]
    ),
    "turn gone": (
        lambda d: {**d, "messages": d["messages"][:3] + d["messages"][5:]}, [1, 2]
    ),
    "one thought gone from the middle": (lambda d: without(d, 1), [1, 2, 3]),
    "two thoughts gone from the middle": (lambda d: without(d, 1, 2), [1, 2]),
    "first and third thought gone": (lambda d: without(d, 0, 2), [1, 2]),
    "thoughts in another order": (
        lambda d: edited(d, "messages", 3, "content", to=_turned(d["messages"][3]["content"])),
        [1, 2, 3, 4],
    ),
}  # fmt: skip


def _ordered(message: dict) -> list[dict]:
    """Make a system message of what the user said after the results."""
    result, said = message["content"]
    return [user(result), {"role": "system", "content": [said]}]


def _turned(content: list[dict]) -> list[dict]:
    return [content[1], content[0], *content[2:]]


@pytest.mark.parametrize("name", LEGAL)
@pytest.mark.parametrize("stream", [False, True])
async def test_legal_change_keeps_every_thought(talk, name, stream):
    changed = LEGAL[name](talk)
    assert (await answer({**changed, "stream": stream}))["content"]
    told = await answer(
        {**changed, "stream": stream, "thinking": DROP | changed.get("thinking", {})},
        anthropic_beta=BETA,
    )
    assert told["input_transformations"] == []


@pytest.mark.parametrize("name", ILLEGAL)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
async def test_illegal_change_is_refused_at_the_first_thought_it_concerns(talk, name, path):
    change, lost = ILLEGAL[name]
    changed = change(talk)
    if path.endswith("count_tokens"):
        del changed["max_tokens"]
    refused = await post(changed, path)
    at, place = thoughts(changed)[lost[0]]
    said = refused.document()["error"]["message"]
    assert (refused.status, said.partition(": ")[0]) == (400, f"messages.{at}.content.{place}")
    assert "Invalid `signature` in `thinking` block" in said
    assert BOUND in said


@pytest.mark.parametrize("name", ILLEGAL)
@pytest.mark.parametrize("stream", [False, True])
async def test_illegal_change_drops_exactly_what_it_concerns(talk, name, stream):
    change, lost = ILLEGAL[name]
    changed = {**change(talk), "thinking": DROP, "stream": stream}
    told = await answer(changed, anthropic_beta=f"other, {BETA}")
    places = [thoughts(changed)[ordinal] for ordinal in lost]
    assert told["input_transformations"] == [
        {
            "type": "thinking_dropped",
            "path": f"messages.{at}.content.{place}",
            "reason": "prefix_binding_mismatch",
        }
        for at, place in places
    ]


@pytest.mark.parametrize(
    ("thinking", "headers", "words"),
    [
        (DROP, {}, "thinking.block_binding: Extra inputs are not permitted"),
        (DROP, {"anthropic_beta": "other"}, "thinking.block_binding: Extra inputs"),
        ({**DROP, "block_binding": {"x": 1}}, {"anthropic_beta": BETA}, "block_binding.x: Extra"),
        (
            {**DROP, "block_binding": {"prefix_mismatch_behavior": "keep"}},
            {"anthropic_beta": BETA},
            "prefix_mismatch_behavior: Input should be one of",
        ),
        ({**DROP, "type": "disabled"}, {"anthropic_beta": BETA}, "Extra inputs are not permitted"),
    ],
)
async def test_control_that_does_not_fit_is_refused(thinking, headers, words):
    document = ask("Hi", thinking=thinking, model=OLD)
    refused = await post(document, **headers)
    assert refused.status == 400
    assert words in refused.document()["error"]["message"]


async def test_thinking_between_tools_takes_no_control():
    thinking = {**DROP, "type": "between_tools"}
    refused = await post(ask("Hi", thinking=thinking, model=SONNET), anthropic_beta=BETA)
    assert "block_binding: Extra inputs" in refused.document()["error"]["message"]


@pytest.mark.parametrize("binding", [None, {}, {"prefix_mismatch_behavior": "error"}])
async def test_mismatch_is_an_error_unless_it_is_to_be_dropped(talk, binding):
    thinking = {"type": "adaptive", "block_binding": binding}
    changed = {**talk, "system": "Be long.", "thinking": thinking}
    refused = await post(changed, anthropic_beta=BETA)
    assert BOUND in refused.document()["error"]["message"]


async def test_nothing_is_told_without_the_beta(talk):
    assert "input_transformations" not in await answer(talk)


async def test_dropped_thoughts_are_not_counted(talk):
    changed = {**talk, "system": "Be long.", "thinking": DROP}
    bare = without(changed, 0, 1, 2, 3, 4)
    counts = [await answer(document, anthropic_beta=BETA) for document in (changed, bare)]
    assert counts[0]["usage"] == counts[1]["usage"]


async def test_dropped_thoughts_do_not_keep_the_next_ones_out(talk):
    changed = {**talk, "system": "Be long.", "thinking": DROP}
    longer = await go_on(changed, "More.", anthropic_beta=BETA)
    told = await answer(longer, anthropic_beta=BETA)
    assert len(told["input_transformations"]) == len(thoughts(talk))


@pytest.mark.parametrize(
    ("omitted", "lost"), [([-1], [5]), ([0], [5]), ([0, 1, 2, 3, 4], [5])], ids=str
)
async def test_thought_that_was_taken_out_does_not_come_back(talk, omitted, lost):
    longer = await go_on(without(talk, *omitted), "More.")
    restored = {**longer, "messages": [*talk["messages"], *longer["messages"][-2:]]}
    told = await answer({**restored, "thinking": DROP}, anthropic_beta=BETA)
    paths = [entry["path"] for entry in told["input_transformations"]]
    places = [thoughts(restored)[ordinal] for ordinal in lost]
    assert paths == [f"messages.{at}.content.{place}" for at, place in places]


async def test_message_of_nothing_but_dropped_thoughts_goes_with_them(talk):
    thought = talk["messages"][1]["content"][0]
    strange = {"role": "assistant", "content": [thought]}
    changed = {**talk, "messages": [user("Other"), strange, user("Hi")], "thinking": DROP}
    told = await answer(changed, anthropic_beta=BETA)
    assert [entry["path"] for entry in told["input_transformations"]] == ["messages.1.content.0"]
    bare = {**changed, "messages": [user("Other"), user("Hi")]}
    assert (await answer(bare, anthropic_beta=BETA))["usage"] == told["usage"]


async def test_tool_for_later_is_bound_once_it_was_called():
    document = await go_on(ask("Hi [[sandbox: tool=g]]"), "So?")
    document = await go_on(document, "Well?")
    changed = edited(document, "tools", 1, "description", to="changed")
    refused = await post(changed)
    assert refused.document()["error"]["message"].startswith("messages.3.content.0: ")


async def test_models_without_the_check_take_what_was_changed():
    document = await go_on(ask("Hi", model=OLD, thinking={"type": "adaptive"}), "So?")
    assert (await post({**document, "system": "Be long."})).status == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
@pytest.mark.parametrize("stream", [False, True])
async def test_loop_of_ten_calls_never_errs(model, stream):
    thinking = {"type": "adaptive"} if "adaptive" in model.thinking else None
    thinking = thinking or {"type": "enabled", "budget_tokens": 1024}
    document = ask("Hi", model=model.id, max_tokens=2000, stream=stream, thinking=thinking)
    for turn in range(10):
        document = await go_on(
            document, f"Go on, {turn}. [[sandbox: tool=f tool=f redacted notes=3]]"
        )
    assert len(thoughts(document)) == 46


@pytest.mark.parametrize("model", [SONNET, "claude-haiku-5-5"])
async def test_thought_of_another_account_is_refused_or_dropped(model):
    document = await go_on(ask("Hi", model=model), "So?", x_api_key="one")
    assert (await post(document, authorization="Bearer one")).status == 200
    assert BOUND in (await post(document)).document()["error"]["message"]
    document["thinking"] = DROP
    told = await answer(document, anthropic_beta=BETA, x_api_key="two")
    reasons = [entry["reason"] for entry in told["input_transformations"]]
    assert reasons == ["organization_binding_mismatch"]


async def test_unreadable_thought_of_another_account_is_no_error_either():
    document = await go_on(ask("Hi", model=SONNET), "So?", x_api_key="one")
    told = await answer({**document, "model": OLD}, anthropic_beta=BETA, x_api_key="two")
    reasons = [entry["reason"] for entry in told["input_transformations"]]
    assert reasons == ["organization_binding_mismatch"]


async def test_thought_of_a_model_that_is_not_account_bound_is_portable():
    document = await go_on(ask("Hi"), "So?", x_api_key="one")
    assert (await post(document, x_api_key="two")).status == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_unreadable_thought_is_dropped_without_an_error(talk, stream):
    document = {**talk, "model": SONNET, "stream": stream}
    told = await answer(document, anthropic_beta=BETA)
    assert {entry["reason"] for entry in told["input_transformations"]} == {
        "model_binding_mismatch"
    }
    assert len(told["input_transformations"]) == len(thoughts(talk))
    bare = without(document, 0, 1, 2, 3, 4)
    assert (await answer(bare))["usage"]["input_tokens"] == told["usage"]["input_tokens"]


async def test_thoughts_follow_a_conversation_through_models_that_cannot_read_them(talk):
    through = await go_on({**talk, "model": SONNET}, "More.")
    back = await go_on({**through, "model": OPUS}, "And back.")
    told = await answer({**back, "model": OPUS}, anthropic_beta=BETA)
    paths = [entry["path"] for entry in told["input_transformations"]]
    assert paths == ["messages.9.content.0"]


READABLE = {
    ("claude-sonnet-5-5", "claude-sonnet-5"): True,
    ("claude-sonnet-5-5", "claude-opus-4-8"): True,
    ("claude-sonnet-5-5", "claude-haiku-4-5"): True,
    ("claude-sonnet-5-5", "claude-opus-5"): False,
    ("claude-sonnet-5-5", "claude-opus-5-5"): False,
    ("claude-sonnet-5-5", "claude-fable-5"): False,
    ("claude-fable-5-1", "claude-opus-5"): True,
    ("claude-fable-5-1", "claude-opus-5-5"): True,
    ("claude-fable-5-2", "claude-mythos-5-2"): True,
    ("claude-mythos-5-2", "claude-fable-5-2"): True,
    ("claude-opus-5-5", "claude-fable-5-2"): False,
    ("claude-haiku-5-5", "claude-fable-5-2"): False,
    ("claude-opus-5-5", "claude-opus-5"): True,
    ("claude-opus-4-8", "claude-opus-4-5"): True,
    ("claude-opus-4-5", "claude-opus-4-8"): False,
}


@pytest.mark.parametrize(("model", "maker"), READABLE)
def test_model_reads_its_own_thoughts_and_those_of_certain_older_ones(model, maker):
    assert can_read(find(model), find(model))
    assert can_read(find(model), find(maker)) is READABLE[model, maker]
