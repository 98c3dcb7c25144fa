"""Directives are read as documented, and mistakes in them are told."""

import pytest

from isthmus.sandbox.directives import Call, UnknownDirectiveError, parse, without_directives


def test_several_directives_in_several_places_are_read():
    found = parse('Hi [[sandbox: tokens=20 pace=1.5s]] and [[sandbox: text="a \\"b\\" ]"]] bye')
    assert (found.tokens, found.pace, found.text) == (20, 1.5, 'a "b" ]')


def test_tools_come_with_or_without_arguments():
    found = parse('[[sandbox: tool=a tool=b{"x": {"y": [1, 2]}} tool=a]]')
    assert found.calls == [Call("a"), Call("b", {"x": {"y": [1, 2]}}), Call("a")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("break=3", ("break", 3, "")),
        ("error=0:api_error", ("error", 0, "api_error")),
        ("stall=7", ("stall", 7, "")),
    ],
)
def test_faults_have_a_position_and_a_detail(text, fault):
    assert parse(f"[[sandbox: {text}]]").fault == fault


def test_durations_are_milliseconds_unless_said():
    assert parse("[[sandbox: pace=20]]").pace == 0.02


def test_refusal_has_a_category():
    assert parse("[[sandbox: refuse]]").refuse == "general_harms"
    assert parse("[[sandbox: refuse=bio]]").refuse == "bio"


@pytest.mark.parametrize(
    "text",
    ["tokns=3", "tokens=many", "tokens=-1", "pace=fast", "refuse=rude", "fail=418", "stop=now",
     "break", 'text="open', "tool=", "tool=a{", "UPPER=1", "=3", "notes", "notes=some"],
)  # fmt: skip
def test_mistakes_are_told(text):
    with pytest.raises(UnknownDirectiveError):
        parse(f"[[sandbox: {text}]]")


def test_text_without_directives_asks_for_nothing():
    assert parse("Hello! [[not a directive]]") == parse("")


def test_directives_are_no_part_of_what_was_said():
    assert without_directives("Hello [[sandbox: tokens=1]]there") == "Hello there"
