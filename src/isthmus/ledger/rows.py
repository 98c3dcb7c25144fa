"""Outcomes as rows of the ledger."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import msgspec

from isthmus.call import Attempt, Outcome, Price, Usage
from isthmus.storage.ledger_store import Intent, Row

_NOTHING = Usage()


def intent_of(outcome: Outcome, now: float) -> Intent:
    """Describe a call that is about to go upstream. ``now`` is in Unix seconds."""
    return Intent(
        request_id=outcome.request_id,
        at=int(now * 1000),
        principal=outcome.principal or "",
        endpoint=outcome.endpoint,
        model=outcome.model or "",
        reserved=outcome.reserved_prompt,
        charges=outcome.charges,
    )


def rows_of(outcome: Outcome, now: float) -> list[Row]:
    """Describe every attempt of a call that has ended now, in Unix seconds."""
    last = len(outcome.attempts)
    return [
        _row(outcome, attempt, number, now, last=number == last)
        for number, attempt in enumerate(outcome.attempts, 1)
    ]


def _row(outcome: Outcome, attempt: Attempt, number: int, now: float, *, last: bool) -> Row:
    usage, first = attempt.usage or _NOTHING, outcome.first_content_seconds
    return Row(
        request_id=outcome.request_id,
        attempt=number,
        at=int((now - outcome.seconds) * 1000),
        principal=outcome.principal or "",
        endpoint=outcome.endpoint,
        asked=outcome.asked or "",
        model=outcome.model or "",
        upstream=attempt.upstream,
        upstream_model=attempt.model,
        credential=attempt.credential,
        last=last,
        ending=outcome.ending if last else attempt.error or "failed",
        status=attempt.status or 0,
        error=attempt.error or "",
        input=usage.input_tokens,
        cache_read=usage.cache_read_tokens,
        cache_write_5m=usage.cache_write_5m_tokens,
        cache_write_1h=usage.cache_write_1h_tokens,
        output=usage.output_tokens,
        thinking=usage.thinking_tokens or 0,
        web_searches=usage.web_searches,
        used=attempt.usage is not None,
        cost=attempt.cost,
        prices=version(attempt.prices),
        estimated=attempt.estimated,
        first_ms=None if first is None or not last else int(first * 1000),
        total_ms=int(outcome.seconds * 1000) if last else 0,
        queue_ms=int(outcome.queued_seconds * 1000) if last else 0,
    )


@lru_cache(maxsize=1000)
def version(prices: tuple[Price, ...]) -> str:
    """Return a word for a list of prices, which is another for any other list; none: empty."""
    if not prices:
        return ""
    return blake2b(msgspec.json.encode(prices), digest_size=6).hexdigest()
