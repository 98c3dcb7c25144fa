"""Corrections of the catalog: what they do, and which are refused."""

import msgspec
import pytest

from isthmus.call import Capabilities, Price
from isthmus.config import CapabilitiesConfig, Config, ModelConfig
from isthmus.routing.catalog import Catalog, ModelRow
from isthmus.routing.directory import Directory, directory
from isthmus.routing.overrides import WrongOverride, contradictions, overridden

CATALOG = Catalog.load()
TARGETS = [{"upstream": "box", "model": "claude-sonnet-4-6"}]
RATE = {"input": 0.1, "output": 2, "cache_read": 0.01}


def known(models: object) -> Directory:
    document = {"upstreams": {"box": {"kind": "sandbox"}}, "models": models}
    return directory(msgspec.convert(document, Config))


def rules(built: Directory, name: str) -> Capabilities:
    return built.router.plan(name).plan.routes[0].capabilities


def test_every_capability_can_be_corrected_and_nothing_else():
    fields = CapabilitiesConfig.__struct_fields__
    assert fields == Capabilities.__struct_fields__


@pytest.mark.parametrize("name", ["claude-opus-5", "anthropic/claude-opus-5", "my-opus"])
def test_a_correction_of_a_row_holds_however_the_model_is_reached(name: str):
    mine = {"targets": [{"upstream": "box", "model": "claude-opus-5"}]}
    built = known({"claude-opus-5": {"capabilities": {"forced_tools": False}}, "my-opus": mine})
    assert not rules(built, name).forced_tools
    assert rules(built, name).mid_system


def test_a_correction_of_the_operators_name_holds_for_it_alone():
    built = known({"mine": {"targets": TARGETS, "capabilities": {"max_output_tokens": 5}}})
    assert rules(built, "mine").max_output_tokens == 5
    assert built.listing.entry("mine").capabilities.max_output_tokens == 5
    assert rules(built, "claude-sonnet-4-6").max_output_tokens == 128_000


def test_a_correction_leaves_everything_it_does_not_name():
    built = known({"claude-opus-5": {"capabilities": {"cache_minimum": 0}}})
    row, shipped = built.catalog.row("claude-opus-5"), CATALOG.row("claude-opus-5")
    assert row is not None
    assert shipped is not None
    assert msgspec.structs.replace(row.capabilities, cache_minimum=512) == shipped.capabilities
    assert row.prices == shipped.prices


def test_a_model_of_the_catalog_may_have_targets_and_corrections():
    entry = {"targets": TARGETS, "capabilities": {"prefill": True}}
    assert rules(known({"claude-opus-5": entry}), "claude-opus-5").prefill


def test_prices_take_the_place_of_all_that_are_catalogued():
    built = known({"claude-haiku-5-5": {"prices": RATE}})
    row = built.catalog.row("claude-haiku-5-5")
    assert row is not None
    assert row.prices == (
        Price(
            input=100_000,
            output=2_000_000,
            cache_read=10_000,
            cache_write_5m=125_000,
            cache_write_1h=200_000,
        ),
    )


def test_prices_may_rise_with_the_prompt():
    prices = [RATE, {**RATE, "input": 1, "above_tokens": 100_000, "cache_write_5m": 0}]
    built = known({"mine": {"targets": TARGETS, "prices": prices}})
    first, second = built.overrides["mine"].prices
    assert (first.input, second.input, second.above_tokens) == (100_000, 1_000_000, 100_000)
    assert second.cache_write_5m == 0


def test_a_model_without_levels_has_no_default_level():
    assert (
        rules(
            known({"claude-opus-5": {"capabilities": {"efforts": []}}}), "claude-opus-5"
        ).default_effort
        is None
    )


WRONG = {
    "order": ({"efforts": ["high", "low"]}, "efforts", "weakest first"),
    "level": ({"default_effort": "max", "efforts": ["low"]}, "default_effort", "none of"),
    "inherited level": ({"efforts": ["low"]}, "efforts", "'high' is none of"),
    "no type": ({"thinking": []}, "thinking", "at least one"),
    "type twice": ({"thinking": ["disabled", "disabled", "adaptive"]}, "thinking", "none twice"),
    "always": ({"thinking_default": "always"}, "thinking_default", "'disabled'"),
    "off": ({"thinking": ["adaptive"], "thinking_default": "off"}, "thinking", "'disabled'"),
    "nothing to think by": ({"thinking": ["disabled"]}, "thinking", "'adaptive'"),
    "answers": ({"max_output_tokens": 2_000_000}, "max_output_tokens", "prompts"),
    "prompts": ({"max_input_tokens": 1000}, "max_input_tokens", "prompts"),
}


@pytest.mark.parametrize(("capabilities", "field", "complaint"), WRONG.values(), ids=WRONG)
def test_capabilities_that_do_not_fit_together_are_refused(capabilities, field, complaint):
    mine = {"targets": [{"upstream": "box", "model": "claude-opus-5"}]}
    for name, entry in (("claude-opus-5", {}), ("mine", mine)):
        with pytest.raises(WrongOverride, match=complaint) as caught:
            known({name: {**entry, "capabilities": capabilities}})
        assert caught.value.path == ("models", name, "capabilities", field)


@pytest.mark.parametrize(
    ("prices", "complaint"),
    [
        ([], "start at 0"),
        ([{**RATE, "above_tokens": 5}], "start at 0"),
        ([RATE, RATE], "rise"),
        ({**RATE, "input": 0.0000001}, "pico-dollars"),
    ],
)
def test_prices_that_cannot_be_are_refused(prices, complaint):
    with pytest.raises(WrongOverride, match=complaint) as caught:
        known({"claude-opus-5": {"prices": prices}})
    assert caught.value.path == ("models", "claude-opus-5", "prices")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("mine", "needs targets"),
        ("claude-haiku-4-5", "did you mean 'claude-haiku-4-5-20251001'"),
        ("claude-3-opus-20240229", "needs targets"),
    ],
)
def test_only_what_the_catalog_can_call_needs_no_targets(name: str, complaint: str):
    with pytest.raises(WrongOverride, match=complaint):
        known({name: {"prices": RATE}})


def test_an_entry_that_says_nothing_is_refused():
    with pytest.raises(WrongOverride, match="says nothing"):
        overridden(CATALOG, {"claude-opus-5": ModelConfig()})


@pytest.mark.parametrize("row", CATALOG.rows, ids=lambda row: row.id)
def test_no_row_that_ships_contradicts_itself(row: ModelRow):
    assert list(contradictions(row.capabilities)) == []
