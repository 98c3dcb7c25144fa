import pytest
from msgspec import Struct

from isthmus.errors import UnknownModel
from isthmus.routing.catalog import Catalog
from isthmus.routing.described import Descriptions
from isthmus.routing.names import Names
from isthmus.routing.plan import Credential, Plan, Planner, Target
from isthmus.routing.router import Router

CATALOG = Catalog.load()


class Upstream(Struct, frozen=True):
    kind: str
    base_urls: tuple[str, ...]
    credentials: tuple[Credential, ...] = (Credential("main", 1, "id", "main"),)
    api_version: str | None = None


MAIN = Upstream("anthropic", ("https://a1", "https://a2"))
SPARE = Upstream("anthropic", ("https://b1",), (Credential("spare", 1, "id2", "spare"),))
BOX = Upstream("sandbox", ("http://sandbox",))


def places(plan: Plan) -> list[tuple[str, str, str]]:
    return [(route.upstream, route.model, route.base_url) for route in plan.routes]


def test_any_claude_model_is_tried_at_every_anthropic_upstream_in_file_order():
    planner = Planner(Descriptions(CATALOG), {"box": BOX, "main": MAIN, "spare": SPARE}, {})
    for model in ("claude-opus-5", "claude-nova-7"):
        assert places(planner.plan(model)) == [
            ("main", model, "https://a1"),
            ("main", model, "https://a2"),
            ("spare", model, "https://b1"),
        ]


def test_the_sandbox_serves_only_where_there_is_nothing_else():
    assert places(Planner(Descriptions(CATALOG), {"box": BOX}, {}).plan("claude-opus-5")) == [
        ("box", "claude-opus-5", "http://sandbox")
    ]


def test_a_model_of_the_operator_is_tried_at_its_own_targets_once_each():
    targets = [Target("spare", "claude-opus-5"), Target("box", "claude-haiku-4-5")]
    planner = Planner(
        Descriptions(CATALOG),
        {"main": MAIN, "spare": SPARE, "box": BOX},
        {"mine": [*targets, targets[0]]},
    )
    plan = planner.plan("mine")
    assert places(plan) == [
        ("spare", "claude-opus-5", "https://b1"),
        ("box", "claude-haiku-4-5", "http://sandbox"),
    ]
    assert [route.capabilities.prefill for route in plan.routes] == [False, True]


def test_a_catalogued_model_may_be_given_targets_of_its_own():
    planner = Planner(
        Descriptions(CATALOG),
        {"main": MAIN, "spare": SPARE},
        {"claude-opus-5": [Target("spare", "claude-opus-5")]},
    )
    assert places(planner.plan("claude-opus-5")) == [("spare", "claude-opus-5", "https://b1")]


def test_an_unknown_claude_model_goes_by_the_rules_of_the_newest():
    route = Planner(Descriptions(CATALOG), {"main": MAIN}, {}).plan("claude-nova-7").routes[0]
    assert route.capabilities is CATALOG.newest.capabilities


def test_without_an_upstream_for_it_a_model_is_unknown():
    planner = Planner(Descriptions(CATALOG), {"other": Upstream("openai", ("https://o",))}, {})
    with pytest.raises(UnknownModel):
        planner.plan("claude-opus-5")


@pytest.mark.parametrize(
    ("upstreams", "targets", "complaint"),
    [
        ({"main": MAIN}, [Target("mian", "claude-opus-5")], "no upstream 'mian'"),
        ({"main": MAIN}, [], "no target"),
        ({"main": Upstream("anthropic", ())}, [Target("main", "m")], "no base URL"),
    ],
)
def test_a_model_that_nothing_can_serve_is_refused_at_the_start(upstreams, targets, complaint):
    with pytest.raises(ValueError, match=complaint):
        Planner(Descriptions(CATALOG), upstreams, {"mine": targets})


def test_targets_are_tried_in_order_unless_they_say_otherwise():
    plan = Planner(
        Descriptions(CATALOG),
        {"main": MAIN, "spare": SPARE, "box": BOX},
        {"mine": [Target("main", "claude-opus-5"), Target("spare", "claude-opus-5")]},
    ).plan("mine")
    assert [[choice.upstream for choice in tier] for tier in plan.tiers] == [["main"], ["spare"]]
    assert not plan.varies


def test_weighted_targets_share_a_tier_and_others_keep_their_place():
    plan = Planner(
        Descriptions(CATALOG),
        {"main": MAIN, "spare": SPARE, "box": BOX},
        {
            "mine": [
                Target("box", "claude-opus-5", tier=9),
                Target("main", "claude-opus-5", weight=3),
                Target("spare", "claude-opus-5", weight=1),
            ]
        },
    ).plan("mine")
    assert [[choice.upstream for choice in tier] for tier in plan.tiers] == [
        ["main", "spare"],
        ["box"],
    ]
    assert plan.varies


def test_every_credential_is_tried_at_every_base_url():
    keys = (Credential("two", 1, "x", "org"), Credential("two", 2, "y", "org"))
    two = Upstream("anthropic", ("https://a1", "https://a2"), keys)
    plan = Planner(Descriptions(CATALOG), {"two": two}, {}).plan("claude-opus-5")
    assert [(route.credential.number, route.base_url) for route in plan.routes] == [
        (1, "https://a1"),
        (1, "https://a2"),
        (2, "https://a1"),
        (2, "https://a2"),
    ]


def test_an_upstream_of_the_new_version_alone_takes_no_sampling():
    new = Upstream("anthropic", ("https://a",), api_version="2026-10-21")
    route = Planner(Descriptions(CATALOG), {"new": new}, {}).plan("claude-sonnet-4-6").routes[0]
    assert route.capabilities.sampling == "none"


def test_the_router_plans_what_a_name_means():
    router = Router(Names(CATALOG, {}, ()), Planner(Descriptions(CATALOG), {"main": MAIN}, {}))
    planned = router.plan("claude-3.7-sonnet")
    assert (planned.requested, planned.model) == ("claude-3.7-sonnet", "claude-sonnet-4-6")
    assert planned.substituted
    assert planned.plan.routes[0].model == "claude-sonnet-4-6"
