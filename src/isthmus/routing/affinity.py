"""Whose turn it is: the order in which a conversation tries the routes of its plan.

Prompt caches and thinking belong to an account, so that a conversation stays with the account it
began with. Rendezvous hashing (Thaler and Ravishankar, 1998; with weights: Schindelhauer and
Schomaker, 2005) gives every conversation an order of its own without anything to remember, and
moves no more conversations than it must when an account comes or goes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from hashlib import blake2b

from isthmus.routing.plan import Choice, Plan, Route

_TWO_TO_64 = 2.0**64


def in_order(plan: Plan, conversation: bytes, account: str | None = None) -> tuple[Route, ...]:
    """Return the plan's routes in the order in which one conversation tries them.

    ``conversation`` is anything that stays the same throughout it. Within a tier ``account``, where
    it is told, comes first: it gave the answers that the conversation is about.
    """
    routes: list[Route] = []
    for tier in plan.tiers:
        same_place = len({choice.upstream for choice in tier}) < len(tier)
        ordered = sorted(tier, key=lambda choice: _turn(choice, conversation, same_place))
        begun = len(routes)
        for choice in ordered:
            routes += _routes(choice, conversation)
        if account is not None:
            routes[begun:] = sorted(routes[begun:], key=lambda route: route.account != account)
    return tuple(routes)


def _turn(choice: Choice, conversation: bytes, by_model: bool) -> float:
    """Return how far from its turn a target is: the lowest number goes first."""
    place = (choice.upstream, choice.model) if by_model else (choice.upstream,)
    return -math.log(_hashed(conversation, place)) / choice.weight


def _routes(choice: Choice, conversation: bytes) -> list[Route]:
    """Order by account, then by credential; the base URLs of a credential keep their order."""

    def turn(route: Route) -> tuple[float, float]:
        credential = route.credential
        return (
            _hashed(conversation, (credential.account,)),
            _hashed(conversation, (credential.upstream, str(credential.number))),
        )

    if choice.routes[0].credential == choice.routes[-1].credential:
        return list(choice.routes)
    return sorted(choice.routes, key=turn)


def _hashed(conversation: bytes, place: Iterable[str]) -> float:
    """Return a number in (0, 1), evenly spread over conversations and places."""
    name = "\0".join(place).encode()
    digest = blake2b(conversation, digest_size=8, key=blake2b(name, digest_size=16).digest())
    return (int.from_bytes(digest.digest()) + 0.5) / _TWO_TO_64
