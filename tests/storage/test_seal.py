"""Sealed texts: only who may read them can, and nobody can alter them."""

import pytest

from isthmus.storage.seal import Seal
from isthmus.storage.secrets import Secrets

OLD, NEW = b"o" * 32, b"n" * 32


def seal(*secrets: bytes, purpose: str = "p") -> Seal:
    return Seal(Secrets(secrets), purpose)


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 100])
def test_what_was_sealed_is_read_again(content):
    assert seal(NEW).open(seal(NEW).close(content, "me"), "me") == content


def test_a_seal_says_nothing_and_differs_each_time():
    one, other = seal(NEW).close(b"thought", "me"), seal(NEW).close(b"thought", "me")
    assert one != other
    assert "thought" not in one


def test_secrets_that_were_replaced_are_still_read():
    assert seal(NEW, OLD).open(seal(OLD).close(b"x", "me"), "me") == b"x"
    assert seal(NEW).open(seal(OLD).close(b"x", "me"), "me") is None


def test_nobody_else_can_bring_it_back():
    text = seal(NEW).close(b"x", "me")
    assert seal(NEW).open(text, "you") is None
    assert seal(NEW, purpose="other").open(text, "me") is None


@pytest.mark.parametrize("at", [0, 6, 10, 30, -1])
def test_what_was_altered_is_not_read(at):
    text = seal(NEW).close(b"a thought of some length", "me")
    altered = list(text)
    altered[at] = "A" if altered[at] != "A" else "B"
    assert seal(NEW).open("".join(altered), "me") is None


@pytest.mark.parametrize("text", ["", "isth1.", "isth1.?", "isth1.AAAA", "gAAAA", "é"])
def test_what_was_never_sealed_is_not_read(text):
    assert seal(NEW).open(text, "me") is None
