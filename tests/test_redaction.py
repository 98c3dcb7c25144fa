"""What is taken out of texts, and what is left in them."""

import pytest

from isthmus.access.keys import RANDOM_BYTES, mint
from isthmus.redaction import masked

MINTED = mint(bytes(range(RANDOM_BYTES)))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("invalid key sk-ant-api03-AbC_d-9.", "invalid key [redacted]."),
        ("(sk-proj-abcdefghij0123456789)", "([redacted])"),
        (f"key={MINTED}, no", "key=[redacted], no"),
        ("Authorization: Bearer abc.DEF-123=", "Authorization: Bearer [redacted]"),
        ("authorization: bearer abcdefgh", "authorization: bearer [redacted]"),
    ],
)
def test_what_looks_like_a_key_is_masked(text, left):
    assert masked(text) == left


def test_secrets_are_masked_wherever_they_stand():
    text = masked("key 'hunter2-hunter2' and xhunter2-hunter2x", ["hunter2-hunter2"])
    assert text == "key '[redacted]' and x[redacted]x"


@pytest.mark.parametrize(
    "text",
    ["task-force", "ask-anything-you-like-at-all", "a bearer of news", "risk-12345678_x", "sk-1"],
)
def test_other_words_are_left_alone(text):
    assert masked(text, ["a", "task"]) == text
