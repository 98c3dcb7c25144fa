"""What an answer costs. Whole numbers only: pico-dollars while it is added up, then nano-dollars.

Source: the price lists of the vendors, as the catalog and the operator have them.
"""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.call import Attempt, Price, Usage

_PICO_PER_NANO = 1000
#: A search costs a cent, whatever the model, in pico-dollars.
_WEB_SEARCH = 10**10
#: Answers computed in the United States only cost a tenth more.
_US_ONLY = (11, 10)


def price_for(prices: Sequence[Price], prompt_tokens: int) -> Price:
    """Return the row that holds for a prompt of this length; cached tokens count."""
    chosen = prices[0]
    for price in prices[1:]:
        if prompt_tokens > price.above_tokens:
            chosen = price
    return chosen


def cost(usage: Usage, prices: Sequence[Price]) -> int | None:
    """Return nano-dollars, rounded half to even; None where nobody knows the price."""
    # What a fast answer costs no list says; the operator has not said it either.
    if not prices or usage.speed == "fast":
        return None
    price = price_for(prices, usage.prompt_tokens)
    pico = (
        usage.input_tokens * price.input
        + usage.cache_read_tokens * price.cache_read
        + usage.cache_write_5m_tokens * price.cache_write_5m
        + usage.cache_write_1h_tokens * price.cache_write_1h
        + usage.output_tokens * price.output
    )
    if usage.inference_geo != "us" and not usage.web_searches:
        return _rounded(pico, _PICO_PER_NANO)
    times, parts = _US_ONLY if usage.inference_geo == "us" else (1, 1)
    return _rounded(pico * times + usage.web_searches * _WEB_SEARCH * parts, parts * _PICO_PER_NANO)


def settle(attempt: Attempt, usage: Usage | None) -> None:
    """Note on ``attempt`` what it has used, and what that costs."""
    if usage is attempt.usage:
        return  # noted before, for the headers
    attempt.usage = usage
    attempt.cost = None if usage is None else cost(usage, attempt.prices)


def _rounded(amount: int, unit: int) -> int:
    whole, rest = divmod(amount, unit)
    up = rest * 2 > unit or (rest * 2 == unit and whole % 2 == 1)
    return whole + up
