"""What is taken for granted of models that are not Claude, and how vendors are told."""

import pytest
from msgspec import convert, structs

from isthmus.call import ChatDialect
from isthmus.config import Config
from isthmus.routing.described import UNDESCRIBED, chat_capabilities
from isthmus.routing.directory import directory
from isthmus.routing.overrides import WrongOverride, contradictions

VENDOR = {"kind": "openai_compatible", "base_urls": ["https://v.example/v1"]}


def described(vendor: str | None = None, model: str = "m", **capabilities):
    """Return how the route to a model is described."""
    upstream = {**VENDOR, "vendor": vendor}
    entry = {"targets": [{"upstream": "v", "model": model}], "capabilities": capabilities or None}
    config = convert({"upstreams": {"v": upstream}, "models": {"mine": entry}}, Config)
    return directory(config).router.plan("mine").plan.routes[0]


def test_what_nobody_has_described_fits_together():
    assert not list(contradictions(UNDESCRIBED))


def test_model_that_nobody_has_described_does_not_think_and_has_no_limit():
    chat = described().chat
    assert (chat.thinking, chat.efforts, chat.max_output_tokens) == ("never", (), None)


def test_operator_describes_models_in_the_words_used_for_claude():
    thinking = {"thinking": ["adaptive", "disabled"], "thinking_default": "on"}
    chat = described(max_output_tokens=8000, sampling="none", **thinking).chat
    assert (chat.thinking, chat.max_output_tokens, chat.sampling) == ("switched", 8000, "none")


def test_model_that_cannot_but_think_always_does():
    chat = described(thinking=["adaptive"], thinking_default="always").chat
    assert chat.thinking == "always"


@pytest.mark.parametrize(("vendor", "by_level"), [("openai", True), ("deepseek", False)])
def test_level_switches_thinking_off_where_nothing_else_does(vendor, by_level):
    efforts = {"efforts": ["low", "high"], "default_effort": "low"}
    chat = described(vendor, thinking=["adaptive", "disabled"], **efforts).chat
    assert chat.effort_none is by_level


def test_claude_behind_a_vendor_is_described_by_the_catalog():
    route = described("openrouter", "anthropic/claude-opus-4.5")
    assert route.capabilities.max_output_tokens > 0
    assert route.chat.thinking == "switched"


def test_unknown_vendor_is_named():
    with pytest.raises(WrongOverride, match=r"upstreams\.v\.vendor: must be one of plain, openai"):
        described("opnai")


def test_dialect_is_the_vendors():
    assert chat_capabilities(UNDESCRIBED, ChatDialect(most_stops=1)).dialect.most_stops == 1
    assert structs.asdict(described("glm").chat.dialect)["most_stops"] == 1


def test_models_of_nobody_are_not_listed():
    config = convert({"upstreams": {"v": VENDOR}, "models": {}}, Config)
    assert directory(config).listing.entries == ()
