"""The explanation of a Responses request names the rules that it met, and only those."""

import json

import pytest

from isthmus.translate.applied import Applied
from isthmus.translate.remarks import Remarks
from isthmus.translate.responses_over_messages.applied import applied, refused_by
from isthmus.translate.responses_over_messages.ladder import LADDER, RULES
from translate.responses_over_messages.test_request import REFUSED, SERVED, asked, with_seals


def met(case: dict, *, renamed: bool = False) -> list[Applied]:
    remarks = Remarks()
    sent = asked(case, remarks).sent.document
    return applied(with_seals(case["request"]), sent, remarks, renamed=renamed)


def slugs(**more: object) -> set[str]:
    return {one.slug for one in met({"model": "claude-sonnet-4-6", "request": more})}


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
    plain = {"input.text", "max_tokens.default"}
    assert (name in slugs(input="Hi")) == (name in plain)


@pytest.mark.parametrize(
    ("change", "slug", "other"),
    [
        ({"temperature": 1.5}, "temperature.clamped", "temperature.kept"),
        ({"tool_choice": "auto"}, "tool_choice.auto", "tool_choice.required"),
        ({"tool_choice": "required"}, "tool_choice.required", "tool_choice.allowed"),
        ({"max_output_tokens": 10**6}, "max_tokens.clamped", "max_tokens.kept"),
        ({"user": "a@b.example"}, "user.hashed", "user.id"),
        ({"reasoning": {"effort": "minimal"}}, "reasoning_effort.minimal", "reasoning_effort.kept"),
        ({"text": {"format": {"type": "text"}}}, "response_format.text", "response_format.schema"),
    ],
)
def test_a_field_is_said_to_be_mapped_only_where_it_was(change: dict, slug: str, other: str):
    tools = [{"type": "function", "name": "f"}] if "tool_choice" in change else None
    found = slugs(input="Hi", **change, tools=tools)
    assert slug in found
    assert other not in found


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("system.late.hoisted", "system.late.kept"),
        ("function_call", "tool_calls.ids"),
        ("tools.strict.dropped", "tools.strict"),
        ("response_format.object", "response_format.text"),
        ("tool.results", "cache_mark.result"),
        ("cache_mark.breakpoint", "cache_mark.result"),
        ("prompt_cache_retention.approximated", "prompt_cache_retention.in_memory"),
        ("image.url", "image.data"),
        ("reasoning.unsealed", "reasoning.kept"),
    ],
)
def test_a_rule_that_was_not_met_is_not_named(name: str, slug: str):
    assert slug not in {one.slug for one in met(SERVED[name])}


def test_another_name_of_the_model_is_named():
    assert "model.alias" in {one.slug for one in met(SERVED["user.text"], renamed=True)}


@pytest.mark.parametrize(
    ("param", "slug"),
    [
        ("background", "background.refused"),
        ("input[3].type", "input.items.refused"),
        ("input[0].content[1].input_audio", "audio.part.refused"),
        ("input[0].output[1].image_url", "image.refused"),
        ("input[0].content[1].file_url", "file.refused"),
        ("tool_choice.name", "tool_choice.refused"),
        ("text.format.schema", "response_format.refused"),
        ("temperature", None),
    ],
)
def test_the_rule_that_refuses_is_named_where_there_is_one(param: str, slug: str | None):
    assert refused_by(param) == slug


@pytest.mark.parametrize("name", REFUSED)
def test_no_other_rule_is_named_for_what_is_refused(name: str):
    found = refused_by(REFUSED[name]["error"]["param"])
    assert found is None or name.startswith(found)


def test_cases_are_plain_json():
    assert json.loads(json.dumps(SERVED)) == SERVED
