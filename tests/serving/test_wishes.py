"""What a client asks of the gateway in headers; what makes no sense was not said."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.serving.wishes import Wishes, wishes

PATIENCE = {
    "30": 30.0,
    "0.5": 0.5,
    "1e3": 1000.0,
    " 7 ": 7.0,
    "inf": math.inf,
    "nan": math.inf,
    "0": math.inf,
    "-1": math.inf,
    "soon": math.inf,
    "": math.inf,
    "NOT_GIVEN": math.inf,
}


def test_without_headers_nothing_is_wished():
    for stream in (True, False):
        assert wishes({}, stream=stream) == Wishes()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("value", PATIENCE)
def test_patience_is_a_number_of_seconds_or_none(value, stream):
    assert wishes({"x-isthmus-timeout": value}, stream=stream).patience == PATIENCE[value]


@pytest.mark.parametrize("name", ["x-stainless-timeout", "x-stainless-read-timeout"])
def test_the_clients_own_timeout_counts_for_whole_answers_only(name):
    assert wishes({name: "9"}, stream=False).patience == 9.0
    assert wishes({name: "9"}, stream=True).patience == math.inf


def test_the_least_patience_counts():
    headers = {
        "x-isthmus-timeout": "30",
        "x-stainless-timeout": "600",
        "x-stainless-read-timeout": "20",
    }
    assert wishes(headers, stream=False).patience == 20.0
    assert wishes(headers, stream=True).patience == 30.0


@pytest.mark.parametrize(("value", "strict"), [("1", True), ("0", False), ("true", False)])
def test_strictness_and_explanations_are_asked_for_with_a_one(value, strict):
    assert wishes({"x-isthmus-strict": value}, stream=False).strict is strict
    assert wishes({"x-isthmus-explain": value}, stream=False).explains is strict


@pytest.mark.parametrize(
    ("value", "hops"), [("0", 0), ("7", 7), ("999", 999), ("1000", 0), ("-1", 0), ("x", 0), ("", 0)]
)
def test_hops_are_counted_from_a_number_of_at_most_three_digits(value, hops):
    assert wishes({"x-isthmus-hops": value}, stream=False).hops == hops


@given(st.text(), st.text(), st.text(), st.booleans())
def test_no_header_can_be_too_odd(timeout, own, hops, stream):
    headers = {"x-isthmus-timeout": timeout, "x-stainless-timeout": own, "x-isthmus-hops": hops}
    found = wishes(headers, stream=stream)
    assert found.patience > 0
    assert 0 <= found.hops < 1000
