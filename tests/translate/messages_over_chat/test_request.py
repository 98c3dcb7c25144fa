"""Messages requests as other models must be asked: one file for each rule, written by hand."""

import json
from pathlib import Path

import msgspec
import pytest

from isthmus.call import ChatCapabilities
from isthmus.errors import InvalidRequest
from isthmus.translate.messages_over_chat.ladder import LADDER
from isthmus.translate.messages_over_chat.local import answered
from isthmus.translate.messages_over_chat.request import (
    Terms,
    Translated,
    streaming,
    translate,
)
from isthmus.translate.remarks import Remarks
from isthmus.wire import json as wire_json
from isthmus.wire.chat.shape import checked as chat_checked
from isthmus.wire.messages.shape import checked

GOLDEN = Path(__file__).parents[2] / "golden" / "messages_over_chat" / "request"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}
SERVED = {name: case for name, case in CASES.items() if "sent" in case}
REFUSED = {name: case for name, case in CASES.items() if "error" in case}
KEY = b"k" * 32
#: Rules whose effect is not in the request alone; tests below show it.
SHOWN_BELOW = {"max_tokens.zero", "stream.options"}


def asked(case: dict, remarks: Remarks) -> Translated:
    capabilities = case.get("capabilities", {}) | {"dialect": case.get("dialect", {})}
    return translate(
        checked(wire_json.decode(json.dumps(case["asked"]).encode())),
        "m",
        msgspec.convert(capabilities, ChatCapabilities),
        remarks=remarks,
        terms=Terms(version=case.get("version", "2023-06-01"), vendor="v", keys=(b"new", KEY)),
    )


@pytest.mark.parametrize("name", SERVED)
def test_request_is_sent_as_the_rule_says(name):
    case, remarks = SERVED[name], Remarks()
    translated = asked(case, remarks)
    assert json.loads(wire_json.encode(translated.document)) == case["sent"]
    assert [r.slug for r in remarks if r.kind == "warning"] == case["warnings"]
    assert [r.slug for r in remarks if r.kind == "note"] == case["notes"]
    assert list(translated.form.stops) == case.get("stops", [])
    assert list(translated.form.watched) == case.get("watched", [])
    assert translated.form.thoughts == case.get("thoughts", translated.form.thoughts)


@pytest.mark.parametrize("name", REFUSED)
def test_request_is_refused_as_the_rule_says(name):
    with pytest.raises(InvalidRequest) as caught:
        asked(REFUSED[name], Remarks())
    error = caught.value
    said = {"param": error.param, "code": error.code, "status": error.status}
    assert said == REFUSED[name]["error"]
    assert error.param in error.message


@pytest.mark.parametrize("name", [name for name, case in SERVED.items() if case["warnings"]])
def test_strict_caller_gets_every_warning_as_an_error(name):
    with pytest.raises(InvalidRequest) as caught:
        asked(SERVED[name], Remarks(strict=True))
    assert SERVED[name]["warnings"][0] in caught.value.message


@pytest.mark.parametrize("name", [name for name, case in SERVED.items() if not case["warnings"]])
def test_strict_caller_is_served_where_nothing_is_changed(name):
    assert asked(SERVED[name], Remarks(strict=True)).document["model"] == "m"


@pytest.mark.parametrize("slug", [rule.slug for rule in LADDER])
def test_every_rule_of_the_ladder_has_a_case(slug):
    assert slug in CASES or slug in SHOWN_BELOW


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_named_after_a_rule_and_meets_only_rules(name):
    slugs = {rule.slug for rule in LADDER}
    assert name in slugs or name.rpartition(".")[0] in slugs
    assert slugs.issuperset(CASES[name].get("warnings", []) + CASES[name].get("notes", []))


def test_a_stream_is_always_asked_for_with_its_usage():
    document = asked(CASES["user.text"], Remarks()).document
    assert streaming(document) == {
        **document,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_request_for_no_tokens_is_answered_without_a_model():
    request = CASES["user.text"]["asked"]
    answer = answered({**request, "max_tokens": 0}, "msg_1")
    assert (answer["id"], answer["model"], answer["content"]) == ("msg_1", "m", [])
    assert (answer["stop_reason"], answer["usage"]["output_tokens"]) == ("max_tokens", 0)
    assert answered(request, "msg_1") is None


def test_longer_conversation_begins_with_the_same_bytes():
    case = json.loads(json.dumps(CASES["tool_result.attached"]))
    short = wire_json.encode(asked(case, Remarks()).document["messages"])
    case["asked"]["messages"] += [
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "More."},
    ]
    longer = wire_json.encode(asked(case, Remarks()).document["messages"])
    assert longer.startswith(short[:-1])


@pytest.mark.parametrize(
    "kind",
    [
        *("bash_20250124", "text_editor_20250728", "text_editor_20250124"),
        *("memory_20250818", "computer_20251124"),
    ],
)
def test_tools_that_claude_knows_by_heart_get_a_description_and_an_object(kind):
    tool = {"type": kind, "name": "it", "display_width_px": 800, "display_height_px": 600}
    case = {"asked": {**CASES["user.text"]["asked"], "tools": [tool]}}
    [sent] = asked(case, Remarks()).document["tools"]
    function = sent["function"]
    assert function["parameters"]["type"] == "object"
    assert set(function["parameters"].get("required", [])) <= set(
        function["parameters"]["properties"]
    )
    assert function["description"].endswith("The screen has 800 by 600 pixels.")


def test_what_claude_code_sends_by_default_is_served():
    case = {
        "asked": {
            **CASES["user.text"]["asked"],
            "system": [
                {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330;"},
                {"type": "text", "text": "You are.", "cache_control": {"type": "ephemeral"}},
            ],
            "context_management": {"edits": []},
            "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"},
            "output_config": {"effort": "medium"},
            "metadata": {"user_id": "user_" + "0" * 140},
            "stream": True,
        }
    }
    sent = asked(case, Remarks()).document
    assert sent["messages"][0] == {"role": "system", "content": "You are."}
    assert "context_management" not in sent


@pytest.mark.parametrize("name", SERVED)
def test_what_is_sent_has_the_shape_of_a_chat_request(name):
    assert chat_checked(json.loads(json.dumps(SERVED[name]["sent"] | {"thinking": None})))
