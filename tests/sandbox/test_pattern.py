"""Texts made for regular expressions match them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.sandbox.pattern import matching

ATOMS = st.sampled_from(["a", "Z", "7", r"\d", r"\w", r"\s", r"\.", ".", "[a-c]", "[^a-z]", "[]x]"])


def repeated(inner):
    return st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{1,3}", "{2,}", "+?"]))


EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda ways: f"(?:{'|'.join(ways)})"),
        inner.map(lambda one: f"({one})"),
        repeated(inner.map(lambda one: f"({one})")).map("".join),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_text_made_for_an_expression_matches_it(expression):
    assert re.search(f"^({expression})$", matching(f"^({expression})$"))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^[A-Z]{2}-[0-9]{3}$", "AA-000"),
        ("^(?:red|green)$", "red"),
        (r"^(?P<year>\d{4})-\d\d$", "0000-00"),
        ("^a{0}b?c*$", ""),
        ("^[一-龥]+$", "一"),
    ],
)
def test_text_is_the_first_and_the_shortest(pattern, text):
    assert matching(pattern) == text


@pytest.mark.parametrize(
    "pattern", ["(", "a{99999999999}", "(a{9999}){9999}", "(" * 5000, "(?=b)a"]
)
def test_expression_that_is_not_understood_does_no_harm(pattern):
    assert len(matching(pattern)) <= 10_000
