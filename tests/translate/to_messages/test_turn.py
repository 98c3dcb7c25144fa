"""A turn of several calls upstream is one answer; refused thinking is left out once."""

import pytest

from factories import messages as make
from isthmus.errors import UpstreamBroken, UpstreamRefused
from isthmus.translate.to_messages.repair import repaired
from isthmus.translate.to_messages.turn import MOST_HOPS, NOT_NOW, AnswerTurn

REQUEST = {"model": "m", "messages": [{"role": "user", "content": [make.text("Hi")]}]}
SEARCH = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "web_search",
    "input": {"query": "x"},
}


def follow(turn: AnswerTurn, message: dict) -> dict | None:
    return turn.follow(message, message["content"])


def test_paused_turn_goes_back_as_it_is():
    turn = AnswerTurn(REQUEST)
    paused = make.message(make.thinking("t"), SEARCH, stop_reason="pause_turn")
    following = follow(turn, paused)
    assert following["messages"] == [
        *REQUEST["messages"],
        {"role": "assistant", "content": paused["content"]},
    ]
    assert REQUEST["messages"] == [{"role": "user", "content": [make.text("Hi")]}]


def test_turn_that_pauses_again_is_still_one_turn():
    turn = AnswerTurn(REQUEST)
    follow(turn, make.message(SEARCH, stop_reason="pause_turn"))
    following = follow(turn, make.message(make.text("a"), stop_reason="pause_turn"))
    assert following["messages"][1:] == [{"role": "assistant", "content": [SEARCH, make.text("a")]}]
    end = make.message(make.text("b"))
    assert follow(turn, end) is None
    assert turn.whole(end)["content"] == turn.verbatim == [SEARCH, *map(make.text, "ab")]


def test_turn_that_never_stops_pausing_ends():
    turn = AnswerTurn(REQUEST)
    paused = make.message(SEARCH, stop_reason="pause_turn")
    assert [follow(turn, paused) is None for _ in range(MOST_HOPS + 1)] == [False] * 5 + [True]


def test_call_of_a_tool_that_may_not_be_called_is_sent_back_once():
    turn = AnswerTurn(REQUEST, frozenset({"a"}))
    wrong = make.message(make.tool_use("1", "b", {}), stop_reason="tool_use")
    said = follow(turn, wrong)["messages"][-1]
    (result,) = said["content"]
    assert (said["role"], result["is_error"], result["content"]) == ("user", True, NOT_NOW)
    assert result["tool_use_id"] == "1"
    with pytest.raises(UpstreamBroken):
        follow(turn, wrong)


def test_answer_after_such_a_call_stands_alone():
    turn = AnswerTurn(REQUEST, frozenset({"a"}))
    follow(turn, make.message(make.text("x"), make.tool_use("1", "b", {}), stop_reason="tool_use"))
    end = make.message(make.tool_use("2", "a", {}), stop_reason="tool_use")
    assert follow(turn, end) is None
    assert turn.whole(end)["content"] == end["content"]
    assert turn.verbatim is None


def test_call_that_may_not_be_made_is_left_out_beside_one_that_may():
    turn = AnswerTurn(REQUEST, frozenset({"a"}))
    both = make.message(
        make.tool_use("1", "b", {}), make.tool_use("2", "a", {}), stop_reason="tool_use"
    )
    assert follow(turn, both) is None
    assert [block["id"] for block in turn.whole(both)["content"]] == ["2"]
    assert turn.verbatim is None


def refusal(message: str, status: int = 400) -> UpstreamRefused:
    return UpstreamRefused(message, upstream_status=status, upstream_type="invalid_request_error")


THOUGHTFUL = {
    "model": "m",
    "thinking": {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}},
    "messages": [
        {"role": "user", "content": [make.text("Hi")]},
        {"role": "assistant", "content": [make.thinking("t"), make.text("a")]},
        {"role": "user", "content": [make.text("b")]},
    ],
}
INVALID = "messages.1.content.0: Invalid `signature` in `thinking` block"


def test_request_refused_for_its_thinking_is_mended_by_leaving_all_of_it_out():
    fixed = repaired(refusal(INVALID), THOUGHTFUL)
    assert fixed["messages"][1]["content"] == [make.text("a")]
    assert fixed["thinking"] == {"type": "adaptive"}
    assert THOUGHTFUL["messages"][1]["content"][0] == make.thinking("t")


def test_budget_model_goes_on_without_thinking():
    document = {**THOUGHTFUL, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert repaired(refusal(INVALID), document)["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("error", "document"),
    [
        (refusal("max_tokens: too many"), THOUGHTFUL),
        (refusal(INVALID, 500), THOUGHTFUL),
        (refusal(INVALID), REQUEST),
    ],
)
def test_other_refusals_are_final(error, document):
    assert repaired(error, document) is None
