"""Thinking of other models can be told apart, comes back unchanged or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.translate.messages_over_chat.signature import (
    Seal,
    is_foreign,
    opened,
    without_foreign_thinking,
)

KEY, OTHER = b"k" * 32, b"o" * 32
SEAL = Seal(key=KEY, vendor="v", model="m")


def block(thoughts: str, signature: str) -> dict:
    return {"type": "thinking", "thinking": thoughts, "signature": signature}


@given(st.text(), st.booleans())
def test_what_was_signed_is_opened_with_any_of_the_keys(thoughts, shown):
    signature = SEAL.sign(thoughts, shown=shown)
    assert opened(block(thoughts if shown else "", signature), (OTHER, KEY)) == thoughts
    assert opened(block(thoughts if shown else "", signature), (OTHER,)) is None


def test_the_same_thoughts_are_signed_alike_and_others_are_not():
    assert SEAL.sign("a") == SEAL.sign("a") != SEAL.sign("b")
    assert SEAL.sign("a") != Seal(key=KEY, vendor="v", model="n").sign("a")


def test_thoughts_that_were_changed_do_not_go_back():
    assert opened(block("b", SEAL.sign("a")), (KEY,)) is None


@pytest.mark.parametrize(
    "signature",
    ["", "EqQBCkYIBRgC", "isth1.", "isth1.e30", "isth1.!.!", "isth1.bm8.bm8", "isth1.é.é"],
)
def test_what_was_not_signed_here_does_not_go_back(signature):
    assert opened(block("a", signature), (KEY,)) is None


def test_foreign_thinking_is_kept_from_claude_and_nothing_else_is():
    ours, claudes = block("a", SEAL.sign("a")), block("b", "EqQBCkYIBRgC")
    said = {"type": "text", "text": "Hi"}
    request = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [ours, claudes, said]},
            {"role": "assistant", "content": [ours]},
        ],
    }
    assert without_foreign_thinking(request) == {
        "model": "m",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [claudes, said]},
        ],
    }


def test_request_without_foreign_thinking_stays_the_same_document():
    request = {"messages": [{"role": "assistant", "content": [block("b", "EqQBCkYIBRgC")]}]}
    assert without_foreign_thinking(request) is request


@pytest.mark.parametrize("signature", [None, 1, "x", "EqQBCkYIBRgC"])
def test_only_our_form_is_foreign(signature):
    assert not is_foreign(signature)
