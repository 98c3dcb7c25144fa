"""Chat requests as Claude must be asked: one file for each rule, written by hand."""

import json
from pathlib import Path

import pytest
from msgspec import structs

from isthmus.errors import InvalidRequest
from isthmus.routing.catalog import Catalog
from isthmus.translate.chat_over_messages.ladder import LADDER
from isthmus.translate.chat_over_messages.request import Terms, Translated, translate
from isthmus.translate.remarks import Remarks
from isthmus.wire import json as wire_json
from isthmus.wire.chat.shape import checked

GOLDEN = Path(__file__).parents[2] / "golden" / "chat_over_messages" / "request"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}
SERVED = {name: case for name, case in CASES.items() if "sent" in case}
REFUSED = {name: case for name, case in CASES.items() if "error" in case}
#: Rules whose effect is not in the request alone; these files show it.
SHOWN_ELSEWHERE = {
    "model.alias": "tests/routing",
    "model.substituted": "tests/serving",
    "model.deprecated": "tests/serving",
    "stream.options": "tests/translate/chat_over_messages/test_stream.py",
    "tool.results.alone": "tests/translate/chat_over_messages/test_reasoning.py",
    "thinking.recalled": "tests/translate/chat_over_messages/test_reasoning.py",
    "thinking.refused": "tests/serving/test_turns.py",
    "thinking.dropped_upstream": "tests/serving/test_turns.py",
    "response_format.object.missed": "tests/serving/test_turns.py",
}
CATALOG = Catalog.load()


def asked(case: dict, remarks: Remarks) -> Translated:
    model = case["model"]
    capabilities = CATALOG.find(model).capabilities
    capabilities = structs.replace(capabilities, **case.get("capabilities", {}))
    request = checked(wire_json.decode(json.dumps(case["chat"]).encode()))
    return translate(
        request,
        model,
        capabilities,
        remarks=remarks,
        terms=Terms(caching=case.get("caching", "auto"), web_search=case.get("web_search", False)),
    )


@pytest.mark.parametrize("name", SERVED)
def test_request_is_sent_as_the_rule_says(name):
    case, remarks = SERVED[name], Remarks()
    translated = asked(case, remarks)
    assert json.loads(wire_json.encode(translated.document)) == case["sent"]
    assert translated.version == case["version"]
    assert list(translated.betas) == case.get("betas", [])
    assert [r.slug for r in remarks if r.kind == "warning"] == case["warnings"]
    assert [r.slug for r in remarks if r.kind == "note"] == case["notes"]


@pytest.mark.parametrize("name", REFUSED)
def test_request_is_refused_as_the_rule_says(name):
    with pytest.raises(InvalidRequest) as caught:
        asked(REFUSED[name], Remarks())
    error = caught.value
    said = {"param": error.param, "code": error.code, "status": error.status}
    assert said == REFUSED[name]["error"]
    assert error.param in error.message or error.param == "messages"


@pytest.mark.parametrize("name", [name for name, case in SERVED.items() if case["warnings"]])
def test_strict_caller_gets_every_warning_as_an_error(name):
    with pytest.raises(InvalidRequest) as caught:
        asked(SERVED[name], Remarks(strict=True))
    assert SERVED[name]["warnings"][0] in caught.value.message


@pytest.mark.parametrize("name", [name for name, case in SERVED.items() if not case["warnings"]])
def test_strict_caller_is_served_where_nothing_is_changed(name):
    assert asked(SERVED[name], Remarks(strict=True)).document["model"] == SERVED[name]["model"]


@pytest.mark.parametrize("slug", [rule.slug for rule in LADDER])
def test_every_rule_of_the_ladder_has_a_case(slug):
    assert slug in CASES or slug in SHOWN_ELSEWHERE


@pytest.mark.parametrize("name", SERVED)
def test_every_warning_is_a_rule_of_the_ladder(name):
    slugs = {rule.slug for rule in LADDER}
    assert slugs.issuperset(SERVED[name]["warnings"] + SERVED[name]["notes"])


def test_arguments_of_calls_keep_their_very_text():
    text = '{ "b":1.50, "a" : "\\u00e9" }'
    case = json.loads(json.dumps(CASES["assistant.calls"]))
    case["chat"]["messages"][1]["tool_calls"][0]["function"]["arguments"] = text
    body = wire_json.encode(asked(case, Remarks()).document)
    assert text.encode() in body


def test_longer_conversation_begins_with_the_same_bytes():
    case = json.loads(json.dumps(CASES["tool.results"]))
    short = wire_json.encode(asked(case, Remarks()).document["messages"])
    case["chat"]["messages"] += [
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "More."},
        {"role": "system", "content": "Be brief."},
    ]
    longer = wire_json.encode(asked(case, Remarks()).document["messages"])
    assert longer.startswith(short[:-1])
