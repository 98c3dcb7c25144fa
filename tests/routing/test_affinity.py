"""Conversations stay with their account, and share the accounts as they were weighted."""

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from factories.routes import route
from isthmus.routing.affinity import in_order
from isthmus.routing.plan import Choice, Plan, Route

MODEL = "claude-opus-5"


def choice(
    upstream: str = "main",
    *,
    accounts: Iterable[str] = (),
    urls: Iterable[str] = ("https://a",),
    weight: float = 1.0,
    model: str = MODEL,
) -> Choice:
    routes = [
        route(number, upstream=upstream, url=url, model=model, account=account)
        for number, account in enumerate(accounts or [upstream], 1)
        for url in urls
    ]
    return Choice(upstream, model, weight, tuple(routes))


def plan(*tiers: list[Choice]) -> Plan:
    routes = tuple(route for tier in tiers for choice in tier for route in choice.routes)
    return Plan(tuple(map(tuple, tiers)), routes, varies=True)


def conversations(count: int) -> Iterable[bytes]:
    return (number.to_bytes(4, "big") for number in range(count))


def first(plan: Plan, conversation: bytes) -> Route:
    return in_order(plan, conversation)[0]


def test_the_same_conversation_has_the_same_order_every_time():
    shared = plan([choice(accounts="abc"), choice("other")])
    for conversation in conversations(100):
        assert in_order(shared, conversation) == in_order(shared, conversation)


@given(
    st.binary(max_size=20),
    st.none() | st.sampled_from(["a", "b", "c", "z"]),
    st.lists(st.sampled_from(["", "a", "ab", "abc"]), min_size=1, max_size=3),
)
def test_every_route_has_its_turn_once_and_tiers_keep_their_order(conversation, account, tiers):
    shared = plan(
        *[
            [choice(f"{n}", accounts=accounts, urls=("https://1", "https://2")), choice(f"x{n}")]
            for n, accounts in enumerate(tiers)
        ]
    )
    found = list(in_order(shared, conversation, account))
    for tier in shared.tiers:
        routes = [route for choice in tier for route in choice.routes]
        begun, found = found[: len(routes)], found[len(routes) :]
        assert sorted(begun, key=repr) == sorted(routes, key=repr)
    assert found == []


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (1, 1, 1, 1), (5, 3, 2), (0.1, 0.9), (99, 1)])
def test_weights_are_honoured_within_three_percent(weights):
    shared = plan([choice(f"u{number}", weight=w) for number, w in enumerate(weights)])
    counted = Counter(first(shared, c).upstream for c in conversations(10_000))
    for number, weight in enumerate(weights):
        assert abs(counted[f"u{number}"] / 10_000 - weight / sum(weights)) < 0.03


def test_accounts_of_one_upstream_share_its_conversations_evenly():
    shared = plan([choice(accounts="abcd")])
    counted = Counter(first(shared, c).account for c in conversations(10_000))
    assert counted.keys() == set("abcd")
    assert all(abs(count / 10_000 - 0.25) < 0.03 for count in counted.values())


def test_keys_of_one_account_share_its_conversations_and_come_one_after_the_other():
    shared = plan([choice(accounts="aabb")])
    orders = [in_order(shared, c) for c in conversations(2_000)]
    assert {order[0].credential.number for order in orders} == {1, 2, 3, 4}
    for order in orders:
        accounts = [route.account for route in order]
        assert accounts in (list("aabb"), list("bbaa"))


def test_two_models_of_one_upstream_share_by_their_weights():
    shared = plan([choice(weight=3, model="m"), choice(weight=1, model="n")])
    counted = Counter(first(shared, c).model for c in conversations(10_000))
    assert abs(counted["m"] / 10_000 - 0.75) < 0.03


def test_base_urls_keep_their_order_inside_a_credential():
    urls = ("https://c", "https://a", "https://b")
    shared = plan([choice(accounts="abc", urls=urls), choice("single", urls=urls)])
    for conversation in conversations(200):
        order = in_order(shared, conversation)
        for begun in range(0, len(order), 3):
            three = order[begun : begun + 3]
            assert len({route.credential for route in three}) == 1
            assert tuple(route.base_url for route in three) == urls


@pytest.mark.parametrize("gone", ["a", "b", "c"])
def test_an_account_that_goes_moves_only_its_own_conversations(gone):
    shared = choice(accounts="abc")
    left = tuple(route for route in shared.routes if route.account != gone)
    fewer = plan([structs.replace(shared, routes=left)])
    for conversation in conversations(2_000):
        before = in_order(plan([shared]), conversation)
        after = in_order(fewer, conversation)
        assert after == tuple(route for route in before if route.account != gone)


def test_an_upstream_that_goes_moves_only_its_own_conversations():
    tier = [choice(f"u{number}", weight=number + 1) for number in range(4)]
    for conversation in conversations(2_000):
        before = [route.upstream for route in in_order(plan(tier), conversation)]
        after = [route.upstream for route in in_order(plan(tier[1:]), conversation)]
        assert after == [name for name in before if name != "u0"]


def test_a_key_that_is_replaced_moves_nobody():
    old = plan([choice(accounts="abc")])
    new = plan([choice(accounts="abc")])
    renewed = tuple(
        structs.replace(r, credential=structs.replace(r.credential, id="new"))
        for r in new.tiers[0][0].routes
    )
    new = plan([structs.replace(new.tiers[0][0], routes=renewed)])
    for conversation in conversations(200):
        numbers = [[r.credential.number for r in in_order(p, conversation)] for p in (old, new)]
        assert numbers[0] == numbers[1]


def test_the_account_that_is_told_comes_first_within_its_tier_only():
    shared = plan([choice(accounts="ab")], [choice("other", accounts="cd"), choice("last")])
    for conversation in conversations(100):
        plain = in_order(shared, conversation)
        told = in_order(shared, conversation, "d")
        assert [route.account for route in told[:2]] == [route.account for route in plain[:2]]
        assert told[2].account == "d"
        rest = [route for route in plain[2:] if route.account != "d"]
        assert list(told[3:]) == rest


def test_an_account_that_nobody_has_changes_nothing():
    shared = plan([choice(accounts="abc")])
    for conversation in conversations(100):
        assert in_order(shared, conversation, "z") == in_order(shared, conversation)


def test_accounts_with_names_that_touch_are_told_apart():
    shared = plan([choice(accounts=["a\0b", "a", "b\0a", "b"])])
    counted = Counter(first(shared, c).account for c in conversations(2_000))
    assert min(counted.values()) > 400
