import datetime as dt
import re
import time
from importlib import resources
from typing import get_args

import pytest
from anthropic.resources.messages.messages import DEPRECATED_MODELS
from anthropic.types import Model

from isthmus.call import EFFORTS, Price
from isthmus.config import Config, UpstreamConfig
from isthmus.routing.catalog import Catalog, ModelRow, RetiredModel
from isthmus.routing.described import Descriptions
from isthmus.routing.directory import directory
from isthmus.routing.names import Names
from isthmus.routing.plan import Credential, Planner, Target
from isthmus.translate.chat_over_messages.request import translate
from isthmus.translate.remarks import Remarks
from isthmus.wire.chat.documents import ChatMessage, ChatRequest

SHIPPED = resources.files("isthmus.routing").joinpath("catalog.toml").read_text("utf-8")
CATALOG = Catalog.load()

NEW_ROW = """
[[models]]
id = "claude-sonnet-6"
display_name = "Claude Sonnet 6"
line = "sonnet"
created = 2026-12-01
lifecycle = "active"
prices = [{ input = 2.00, output = 10.00, cache_read = 0.10, cache_write_5m = 2.10 }]
source = "https://example.com/models"
date = 2026-12-01

[models.capabilities]
max_input_tokens = 2_000_000
max_output_tokens = 256_000
thinking = ["adaptive"]
thinking_default = "always"
thinking_display = "omitted"
efforts = ["low", "high"]
sampling = "none"
prefill = false
forced_tools = false
mid_system = true
prefix_check = "none"
account_bound = false
structured_outputs = true
cache_minimum = 256
"""


class OneUpstream:
    kind = "anthropic"
    base_urls = ("https://api.anthropic.com",)
    credentials = (Credential("main", 1, "id", "main"),)
    api_version = None


def test_a_row_added_to_the_file_is_served_by_its_own_rules():
    catalog = Catalog.parse(SHIPPED + NEW_ROW)
    model = Names(catalog, {}, ()).resolve("claude-6-sonnet").model
    route = Planner(Descriptions(catalog), {"main": OneUpstream()}, {}).plan(model).routes[0]
    assert route.model == "claude-sonnet-6"
    assert route.capabilities.max_output_tokens == 256_000


def test_a_row_added_to_the_file_is_listed_priced_and_translated_by_its_own_rules():
    config = Config(upstreams={"box": UpstreamConfig(kind="sandbox")})
    known = directory(config, Catalog.parse(SHIPPED + NEW_ROW))
    entry = known.listing.entry("anthropic/claude-sonnet-6")
    assert (entry.id, entry.display_name) == ("claude-sonnet-6", "Claude Sonnet 6")
    assert entry in known.listing.entries
    row = known.catalog.row("claude-sonnet-6")
    assert row is not None
    assert row.prices[0].output == 10_000_000
    route = known.router.plan("claude-6-sonnet").plan.routes[0]
    hello: ChatMessage = {"role": "user", "content": "Hi"}
    asked: ChatRequest = {"messages": [hello], "reasoning_effort": "medium", "top_p": 0.5}
    remarks = Remarks()
    whole = translate(asked, route.model, route.capabilities, remarks=remarks)
    sent = whole.document
    assert (sent["model"], sent["max_tokens"]) == ("claude-sonnet-6", 256_000)
    assert sent["output_config"] == {"effort": "low"}
    assert {r.slug for r in remarks} == {"reasoning_effort.clamped", "top_p.dropped"}


def test_reading_the_catalog_takes_less_than_15_ms():
    spans: list[float] = []
    for _ in range(5):
        start = time.process_time()
        Catalog.load()
        spans.append(time.process_time() - start)
    assert min(spans) < 0.015


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            "claude-opus-5-5",
            [(4_000_000, 20_000_000, 200_000, 5_000_000, 8_000_000, 0)],
        ),
        (
            "claude-haiku-5-5",
            [
                (100_000, 500_000, 10_000, 125_000, 200_000, 0),
                (500_000, 2_500_000, 50_000, 625_000, 1_000_000, 100_000),
            ],
        ),
    ],
)
def test_prices_are_exact_pico_dollars_per_token(model: str, expected: list[tuple[int, ...]]):
    row = CATALOG.row(model)
    assert row is not None
    assert list(row.prices) == [
        Price(
            input=price[0],
            output=price[1],
            cache_read=price[2],
            cache_write_5m=price[3],
            cache_write_1h=price[4],
            above_tokens=price[5],
        )
        for price in expected
    ]


def test_a_written_cache_price_counts_more_than_the_rule():
    row = Catalog.parse(SHIPPED + NEW_ROW).row("claude-sonnet-6")
    assert row is not None
    assert (row.prices[0].cache_write_5m, row.prices[0].cache_write_1h) == (2_100_000, 4_000_000)


@pytest.mark.parametrize("row", CATALOG.rows, ids=lambda row: row.id)
def test_what_a_row_says_of_effort_and_thinking_fits_together(row: ModelRow):
    accepted = row.capabilities
    assert list(accepted.efforts) == sorted(accepted.efforts, key=EFFORTS.index)
    assert accepted.default_effort in (*accepted.efforts, *([] if accepted.efforts else [None]))
    assert accepted.effort_without_thinking in (*accepted.efforts, None)
    assert (accepted.thinking_default == "always") == (accepted.thinking == ("adaptive",))


@pytest.mark.parametrize("row", CATALOG.rows, ids=lambda row: row.id)
def test_models_that_take_no_budget_take_no_sampling_and_hide_their_thinking(row: ModelRow):
    accepted = row.capabilities
    modern = "enabled" not in accepted.thinking
    assert (accepted.sampling == "none") == modern
    assert (accepted.thinking_display == "omitted") == modern


def test_rows_stand_newest_first():
    days = [row.created for row in CATALOG.rows]
    assert days == sorted(days, reverse=True)


def test_the_rules_for_unknown_models_refuse_what_any_of_the_newest_refuses():
    rules = CATALOG.newest.capabilities
    assert (rules.thinking, rules.sampling, rules.prefill) == (("adaptive",), "none", False)
    assert (rules.forced_tools, rules.prefix_check) == (False, "all_accounts")


def test_an_undated_id_finds_the_snapshot_and_no_other_beginning_does():
    found = CATALOG.find("claude-opus-4-5")
    assert found is not None
    assert found.id == "claude-opus-4-5-20251101"
    assert CATALOG.row("claude-opus-4-5") is None
    assert CATALOG.find("claude-opus-4") != found
    assert CATALOG.find("claude-fable") is None


@pytest.mark.parametrize("model", CATALOG.retired, ids=lambda model: model.id)
def test_every_retired_model_names_a_living_successor(model: RetiredModel):
    assert CATALOG.row(model.successor) is not None


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ('id = "claude-opus-5"', 'id = "claude-opus-5-5"', "two models"),
        ('aliases = ["claude-opus-4-5"]', 'aliases = ["claude-opus-5"]', "two models"),
        ('newest = "claude-fable-5-2"', 'newest = "claude-fable-9"', "no row 'claude-fable-9'"),
        ('successor = "claude-opus-5-5"', 'successor = "claude-opus-9"', "no row 'claude-opus-9'"),
        ('"prices.cache_read"', '"prices.cash"', "no field 'prices.cash'"),
        ("input = 0.10", "input = 0.0000001", "pico-dollars"),
        ("above_tokens = 100_000", "above_tokens = 0", "rise"),
        ("cache_minimum = 512", "cache_minimum = 512\nwings = 2", "wings"),
        ('sampling = "one_of"', 'sampling = "any"', "sampling"),
    ],
)
def test_a_catalog_that_contradicts_itself_is_refused(written: str, instead: str, complaint: str):
    assert written in SHIPPED
    with pytest.raises(ValueError, match=complaint):
        Catalog.parse(SHIPPED.replace(written, instead, 1))


def test_a_target_of_the_operator_may_name_a_row_by_another_platforms_id():
    target = Target("main", "global.anthropic.claude-haiku-4-5-20251001-v1:0")
    planner = Planner(Descriptions(CATALOG), {"main": OneUpstream()}, {"small": [target]})
    route = planner.plan("small").routes[0]
    assert route.model == target.model
    assert route.capabilities.prefill


def test_every_model_the_official_sdk_names_is_known():
    literals, _ = get_args(Model)
    missing = [name for name in get_args(literals) if CATALOG.find(name) is None]
    assert missing == []


@pytest.mark.parametrize("name", [name for name in DEPRECATED_MODELS if "latest" not in name])
def test_the_last_day_of_a_model_is_the_one_the_official_sdk_names(name: str):
    model = CATALOG.find(name)
    if model is None:
        assert re.match(r"claude-(1|2|instant)", name), "only the oldest are left out"
        return
    said = re.sub(r"(?<=[0-9])(st|nd|rd|th)", "", DEPRECATED_MODELS[name])
    last = model.retired_at if isinstance(model, RetiredModel) else model.retires_at
    assert last == dt.datetime.strptime(said, "%B %d, %Y").replace(tzinfo=dt.UTC).date()
