"""The explanation of a request names the rules that it met, and only those."""

import json
from pathlib import Path

import pytest
from msgspec import structs

from isthmus.routing.catalog import Catalog
from isthmus.translate.applied import Applied
from isthmus.translate.chat_over_messages.applied import applied, refused_by
from isthmus.translate.chat_over_messages.ladder import LADDER, RULES
from isthmus.translate.chat_over_messages.request import Terms, translate
from isthmus.translate.remarks import Remarks

GOLDEN = Path(__file__).parents[2] / "golden" / "chat_over_messages" / "request"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}
SERVED = {name: case for name, case in CASES.items() if "sent" in case}
CATALOG = Catalog.load()


def met(case: dict, *, renamed: bool = False) -> list[Applied]:
    remarks = Remarks()
    capabilities = CATALOG.find(case["model"]).capabilities
    capabilities = structs.replace(capabilities, **case.get("capabilities", {}))
    terms = Terms(caching=case.get("caching", "auto"), web_search=case.get("web_search", False))
    sent = translate(
        case["chat"], case["model"], capabilities, remarks=remarks, terms=terms
    ).document
    return applied(case["chat"], sent, remarks, renamed=renamed)


def slugs(**more: object) -> set[str]:
    chat = {"messages": [{"role": "user", "content": "Hi"}], **more}
    return {one.slug for one in met({"model": "claude-sonnet-4-6", "chat": chat})}


@pytest.mark.parametrize("name", [name for name in SERVED if name in RULES])
def test_the_rule_that_a_case_is_about_is_named(name: str):
    found = {one.slug: one for one in met(SERVED[name])}
    assert found[name].step == RULES[name].step


@pytest.mark.parametrize("name", SERVED)
def test_what_was_changed_comes_before_what_was_mapped(name: str):
    mapped = [one.step == "map" for one in met(SERVED[name])]
    assert mapped == sorted(mapped)


@pytest.mark.parametrize("name", [rule.slug for rule in LADDER if rule.step == "map"])
def test_a_plain_question_meets_few_rules(name: str):
    plain = {"user.text", "max_tokens.default"}
    assert (name in slugs()) == (name in plain)


@pytest.mark.parametrize(
    ("change", "slug", "other"),
    [
        ({"temperature": 1.5}, "temperature.clamped", "temperature.kept"),
        ({"tool_choice": "auto"}, "tool_choice.auto", "tool_choice.required"),
        ({"tool_choice": "auto"}, "tool_choice.auto", "tool_choice.function"),
        ({"tool_choice": "required"}, "tool_choice.required", "tool_choice.allowed"),
        ({"max_tokens": 10**6}, "max_tokens.clamped", "max_tokens.kept"),
        ({"stop": [" "]}, "stop.blank", "stop.sequences"),
        ({"user": "a@b.example"}, "user.hashed", "user.id"),
        ({"reasoning_effort": "minimal"}, "reasoning_effort.minimal", "reasoning_effort.kept"),
        ({"response_format": {"type": "text"}}, "response_format.text", "response_format.schema"),
    ],
)
def test_a_field_is_said_to_be_mapped_only_where_it_was(change: dict, slug: str, other: str):
    tools = [{"type": "function", "function": {"name": "f"}}] if "tool_choice" in change else None
    found = slugs(**change, tools=tools)
    assert slug in found
    assert other not in found


def test_another_name_of_the_model_is_named():
    case = SERVED["user.text"]
    assert "model.alias" in {one.slug for one in met(case, renamed=True)}


@pytest.mark.parametrize(
    ("param", "slug"),
    [
        ("n", "n.refused"),
        ("messages[3].content[2].input_audio", "audio.part.refused"),
        ("messages[3].content[2].input_audio.data", "audio.part.refused"),
        ("reasoning_effort", "thinking.disabled.effort"),
        ("tool_choice", "tool_choice.refused"),
        ("thinking.budget_tokens", "thinking.budget.refused"),
        ("messages[1]", None),
        ("anything", None),
        ("nothing", None),
    ],
)
def test_a_refusal_names_its_rule_where_there_is_only_one(param: str, slug: str | None):
    assert refused_by(param) == slug
