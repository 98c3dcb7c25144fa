"""What answers cost, to the nano-dollar."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from isthmus.call import Attempt, Outcome, Price, Usage, dollars
from isthmus.ledger.pricing import cost, price_for, settle
from isthmus.routing.catalog import Catalog

SONNET = Catalog.load().row("claude-sonnet-4-6").prices
TOKENS = st.integers(0, 10**7)
USAGES = st.builds(
    Usage,
    input_tokens=TOKENS,
    cache_read_tokens=TOKENS,
    cache_write_5m_tokens=TOKENS,
    cache_write_1h_tokens=TOKENS,
    output_tokens=TOKENS,
    web_searches=st.integers(0, 20),
    inference_geo=st.sampled_from([None, "us", "global"]),
)
PRICES = st.builds(
    Price,
    **dict.fromkeys(
        ["input", "output", "cache_read", "cache_write_5m", "cache_write_1h"],
        st.integers(0, 10**9),
    ),
)


def price(above: int, **rates: int) -> Price:
    none = dict.fromkeys(["input", "output", "cache_read", "cache_write_5m", "cache_write_1h"], 0)
    return Price(**{**none, **rates}, above_tokens=above)


def test_a_million_tokens_cost_what_the_list_says():
    assert cost(Usage(input_tokens=10**6), SONNET) == 3 * 10**9
    assert cost(Usage(output_tokens=10**6), SONNET) == 15 * 10**9
    assert cost(Usage(cache_read_tokens=10**6), SONNET) == 3 * 10**8
    assert cost(Usage(cache_write_5m_tokens=10**6), SONNET) == 375 * 10**7
    assert cost(Usage(cache_write_1h_tokens=10**6), SONNET) == 6 * 10**9


def test_thinking_is_part_of_the_output():
    thought = Usage(output_tokens=10, thinking_tokens=7)
    assert cost(thought, SONNET) == cost(Usage(output_tokens=10), SONNET)


def test_long_prompts_have_a_price_of_their_own_cached_tokens_included():
    prices = (price(0, input=1000), price(100, input=5000))
    assert price_for(prices, 100).input == 1000
    assert cost(Usage(input_tokens=100), prices) == 100
    assert cost(Usage(input_tokens=100, cache_read_tokens=1), prices) == 500


@pytest.mark.parametrize(("pico", "nano"), [(500, 0), (501, 1), (1500, 2), (2500, 2), (2501, 3)])
def test_halves_are_rounded_to_even_once(pico, nano):
    assert cost(Usage(input_tokens=1), (price(0, input=pico),)) == nano


def test_answers_of_the_united_states_cost_a_tenth_more_but_searches_do_not():
    usage = Usage(input_tokens=10**6, web_searches=1, inference_geo="us")
    assert cost(usage, SONNET) == 33 * 10**8 + 10**7


@given(USAGES, PRICES)
def test_cost_is_the_exact_sum_rounded(usage, rates):
    classes = ["input", "cache_read", "cache_write_5m", "cache_write_1h", "output"]
    exact = sum(
        Fraction(getattr(usage, f"{name}_tokens") * getattr(rates, name)) for name in classes
    )
    exact *= Fraction(11, 10) if usage.inference_geo == "us" else 1
    exact += usage.web_searches * 10**10
    assert cost(usage, (rates,)) == round(exact / 1000)


def test_what_nobody_knows_the_price_of_is_never_free():
    assert cost(Usage(input_tokens=1), ()) is None
    assert cost(Usage(input_tokens=1, speed="fast"), SONNET) is None


def test_call_costs_what_all_its_attempts_cost():
    attempts = [Attempt(upstream="a", model="m", base_url="", prices=SONNET) for _ in range(3)]
    for attempt, tokens in zip(attempts, (1, 2), strict=False):
        settle(attempt, Usage(input_tokens=tokens))
    outcome = Outcome(request_id="r", endpoint="e", attempts=attempts)
    assert outcome.cost == 9000
    settle(attempts[2], Usage(input_tokens=1))
    attempts[2].cost = None
    assert outcome.cost is None


def test_attempt_that_used_nothing_costs_nothing_that_could_be_told():
    attempt = Attempt(upstream="a", model="m", base_url="", prices=SONNET)
    settle(attempt, None)
    assert (attempt.cost, Outcome(request_id="r", endpoint="e", attempts=[attempt]).cost) == (
        None,
        None,
    )


@pytest.mark.parametrize(
    ("nano", "written"), [(0, "0.000000000"), (1, "0.000000001"), (3 * 10**9 + 5, "3.000000005")]
)
def test_dollars_are_written_exactly(nano, written):
    assert dollars(nano) == written


def test_every_model_of_the_catalog_has_a_price_above_nothing():
    for row in Catalog.load().rows:
        for each in row.prices:
            figures = structs.asdict(each)
            del figures["above_tokens"]
            assert all(value > 0 for value in figures.values()), row.id
