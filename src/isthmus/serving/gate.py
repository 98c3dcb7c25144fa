"""Who may come in: the key first, then a place, then what the call may take of limits and budgets.

Whatever a call has taken it gives back when it leaves, at what it has really come to.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from msgspec import Struct

from isthmus.access.budgets import Budgets, Reservation
from isthmus.access.keys import KeyRing
from isthmus.access.limits import Bucket, Claim, Limiter, Refusal
from isthmus.access.principal import Principal
from isthmus.call import Outcome, Price, Usage
from isthmus.errors import GatewayBusy, LimitReached
from isthmus.ledger.pricing import cost
from isthmus.routing.router import Planned
from isthmus.serving.admission import Admission
from isthmus.serving.estimate import prompt_tokens
from isthmus.serving.rate_headers import rate_headers
from isthmus.serving.reply import Reply
from isthmus.serving.request import Request
from isthmus.storage.access_records import Budget

#: An answer of which nobody says how long it may be counts as so long for limits, in tokens.
_LIKELY_ANSWER = 4_096
#: What a call without a limit of its own may take of what is left of a budget, and the shortest
#: answer worth asking for, in tokens.
_SHARE, _SHORTEST = 4, 1_024
#: Searches that are reserved for where a prompt speaks of them.
_SEARCHES = 10
#: Whoever has to wait longer is not told to try again by itself, in seconds.
_LONGEST_WAIT = 60


class Controls(Struct, frozen=True, kw_only=True):
    """What counts calls and money. Without ``budgets`` no hard budget can be kept.

    ``is_kept``: whether the books can be written.
    """

    limiter: Limiter
    budgets: Budgets | None = None
    is_kept: Callable[[], bool] = lambda: True


class Demand(Struct, frozen=True, kw_only=True):
    """What a call asks for. ``max_tokens``: how long its answer may be, if it says.

    ``default`` is how long it may be otherwise; 0: nobody knows. One that does not ``generate``
    costs nothing.
    """

    planned: Planned
    body: bytes
    max_tokens: int | None = None
    default: int = 0
    choices: int = 1
    generates: bool = True


class Gate:
    """Every call goes through it, before its body is read."""

    def __init__(self, keys: KeyRing, admission: Admission, controls: Controls) -> None:
        self.keys = keys
        self.admission = admission
        self.controls = controls

    async def enter(self, request: Request, reply: Reply, outcome: Outcome) -> Visit:
        """Take a place for a call. Whoever has entered must leave.

        Raises:
            AccessDenied: the key is missing or wrong, or not allowed to do this.
            GatewayBusy: there is no place.
        """
        principal = await self.identify(request, outcome)
        if self.admission.has_place:
            await self.admission.enter()
        else:
            now = asyncio.get_running_loop().time
            began = now()
            await self.admission.enter()
            outcome.queued_seconds = now() - began
        return Visit(self, principal, reply, outcome)

    async def identify(self, request: Request, outcome: Outcome) -> Principal:
        """Find out who is calling, and whether it may call here.

        Raises:
            AccessDenied: the key is missing or wrong, or not allowed to do this.
        """
        headers = request.headers
        principal = await self.keys.authenticated(
            headers.get("authorization"), headers.get("x-api-key")
        )
        outcome.principal = principal.id
        if principal.bounds:
            principal.check_way(request.path, request.connection.client)
        return principal


class Visit:
    """One call that has come in, and what it has taken."""

    def __init__(self, gate: Gate, principal: Principal, reply: Reply, outcome: Outcome) -> None:
        self.principal = principal
        self._gate = gate
        self._reply = reply
        self._outcome = outcome
        self._claim: Claim | None = None
        self._reservation: Reservation | None = None

    @property
    def bound(self) -> bool:
        """Whether anything bounds its caller at all."""
        return bool(self.principal.bounds)

    async def admit(self, demand: Demand) -> int | None:
        """Let a call go on; return how long its answer may be where that is less than it asked.

        Raises:
            AccessDenied: its key may not use the model.
            LimitReached: it is over a limit or a budget.
            GatewayBusy: nobody can tell now whether it is.
        """
        principal = self.principal
        if not principal.bounds:
            return None
        principal.check_model(demand.planned.model)
        cap = _smaller(principal.max_tokens, demand) if demand.generates else None
        await self._count(demand, cap)
        budgets = principal.budgets_for(demand.planned.model) if demand.generates else []
        return await self._reserve(budgets, demand, cap) if budgets else cap

    def leave(self) -> None:
        """Give back what it has taken."""
        self._gate.admission.leave()
        if self._claim is not None:
            used = self._outcome.usage or _used(self._outcome)
            taken = [_taken(bucket, amount, used) for bucket, amount in self._claim.amounts]
            self._gate.controls.limiter.give_back(self._claim, taken)
        if self._reservation is not None and self._gate.controls.budgets is not None:
            charged = charged_for(self._outcome)
            self._gate.controls.budgets.settle(self._reservation, charged)

    # Limits ---------------------------------------------------------------------------------

    async def _count(self, demand: Demand, cap: int | None) -> None:
        buckets = [bucket for bound in self.principal.bounds for bucket in bound.buckets]
        places = self.principal.places
        if not buckets and not places:
            return
        answer = cap or demand.max_tokens or _LIKELY_ANSWER
        expected = {
            "requests": 1,
            "input_tokens": prompt_tokens(demand.body)[0] if demand.generates else 0,
            "output_tokens": answer * demand.choices if demand.generates else 0,
        }
        # An answer that might be longer than the whole limit takes all of it, and gives back.
        amounts = [(bucket, min(expected[bucket.kind], bucket.units)) for bucket in buckets]
        claim = Claim(amounts, places)
        told = await self._gate.controls.limiter.take(claim)
        if isinstance(told, Refusal):
            raise _over(told)
        self._claim = claim
        self._reply.headers.update(rate_headers(told))

    # Budgets --------------------------------------------------------------------------------

    async def _reserve(
        self, budgets: Sequence[Budget], demand: Demand, cap: int | None
    ) -> int | None:
        kept, prices = self._gate.controls.budgets, _prices(demand.planned)
        hard = [budget for budget in budgets if budget.hard]
        if kept is None or not self._gate.controls.is_kept():
            if hard:
                raise GatewayBusy(
                    "This key has a budget, and no books can be kept now.",
                    code="budget_unavailable",
                )
            return cap
        if hard and not prices:
            raise LimitReached(
                f"Nobody knows what '{demand.planned.model}' costs, and this key has a budget.",
                code="insufficient_quota",
                should_retry=False,
            )
        prompt = _dearest(prices, _most_of_prompt(demand), 0)
        if hard and demand.max_tokens is None:
            left = await kept.left(hard)
            cap = _affordable(left, prompt, prices, demand, cap)
        answer = min(cap or math.inf, demand.max_tokens or math.inf, demand.default or math.inf)
        tokens = 0 if answer == math.inf else int(answer) * demand.choices
        amount = _dearest(prices, _most_of_prompt(demand), tokens)
        self._reservation = await kept.reserve(budgets, amount)
        outcome = self._outcome
        outcome.charges = self._reservation.accounts
        outcome.reserved, outcome.reserved_prompt = amount, prompt
        return cap


def least(*limits: object) -> int | None:
    """Return the smallest of the numbers that a request may hold; None: it holds none."""
    numbers = [one for one in limits if isinstance(one, int) and not isinstance(one, bool)]
    return min((one for one in numbers if one > 0), default=None)


def longest(planned: Planned) -> int:
    """Return how long an answer to a call can be, in tokens; 0: nobody knows."""
    route = planned.plan.routes[0]
    if route.chat is not None:
        return route.chat.max_output_tokens or 0
    return route.capabilities.max_output_tokens


def charged_for(outcome: Outcome) -> int:
    """Return what the budgets of a call pay, as the books will have it."""
    if not outcome.began:
        return 0
    return sum(
        outcome.reserved if attempt.cost is None else attempt.cost
        for attempt in outcome.attempts
        if attempt.usage is not None or attempt.cost is not None
    )


def _smaller(cap: int | None, demand: Demand) -> int | None:
    """Return the cap where the call would go beyond it."""
    asked = demand.max_tokens or demand.default
    return cap if cap is not None and (not asked or asked > cap) else None


def _taken(bucket: Bucket, amount: int, used: Usage | None) -> int:
    if bucket.kind == "requests":
        return amount
    if used is None:
        return 0
    if bucket.kind == "output_tokens":
        return used.output_tokens
    # What is read from the cache counts against no limit, as with Anthropic.
    return used.input_tokens + used.cache_write_tokens


def _used(outcome: Outcome) -> Usage | None:
    return next((one.usage for one in reversed(outcome.attempts) if one.usage is not None), None)


def _over(refusal: Refusal) -> LimitReached:
    if refusal.bucket is None:
        return LimitReached(
            "This API key has too many requests under way.",
            code="concurrency_limit_exceeded",
            retry_after=1,
        )
    bucket, wait = refusal.bucket, refusal.seconds
    words = bucket.kind.replace("_", " ")
    window = "minute" if bucket.seconds == 60 else "day"
    message = f"This API key is limited to {bucket.units} {words} per {window}."
    if wait is None or wait > _LONGEST_WAIT:
        return LimitReached(message, should_retry=False)
    return LimitReached(message, retry_after=max(math.ceil(wait), 1))


def _prices(planned: Planned) -> list[tuple[Price, ...]]:
    """Return the lists of prices that a call may go by; none, where one is not known."""
    lists = {route.prices for route in planned.plan.routes}
    return [] if () in lists else sorted(lists, key=repr)


def _most_of_prompt(demand: Demand) -> Usage:
    searches = _SEARCHES if b"web_search" in demand.body else 0
    return Usage(cache_write_1h_tokens=prompt_tokens(demand.body)[1], web_searches=searches)


def _dearest(prices: Sequence[tuple[Price, ...]], prompt: Usage, answer: int) -> int:
    """Return what a call costs at most, in nano-dollars."""
    usage = Usage(
        cache_write_1h_tokens=prompt.cache_write_1h_tokens,
        web_searches=prompt.web_searches,
        output_tokens=answer,
    )
    return max((cost(usage, one) or 0 for one in prices), default=0)


def _affordable(
    left: int,
    prompt: int,
    prices: Sequence[tuple[Price, ...]],
    demand: Demand,
    cap: int | None,
) -> int | None:
    """Return how long an answer a budget pays for, where that is shorter than it would be.

    Raises:
        LimitReached: too short to be of use.
    """
    longest = min(cap or math.inf, demand.default or math.inf)
    if left > prompt and longest != math.inf:
        whole = _dearest(prices, _most_of_prompt(demand), int(longest) * demand.choices)
        if whole <= left // _SHARE:
            return cap
    rates = [price.output for one in prices for price in one]
    each = max(rates) * demand.choices
    pays = min((left // _SHARE) * 1000, (left - prompt) * 1000) // each if each else 0
    tokens = int(min(pays, longest))
    if tokens < min(_SHORTEST, longest):
        raise LimitReached(
            "What is left of this key's budget pays for no answer of a useful length.",
            code="insufficient_quota",
            should_retry=False,
        )
    return tokens if tokens < longest or cap is not None else None
