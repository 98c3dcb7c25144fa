"""Responses requests as Claude must be asked: one file for each rule, written by hand."""

import json
from pathlib import Path

import pytest
from msgspec import structs

from factories.sealing import SEALING, seal
from isthmus.errors import InvalidRequest
from isthmus.routing.catalog import Catalog
from isthmus.translate.remarks import Remarks
from isthmus.translate.responses_over_messages.ladder import LADDER
from isthmus.translate.responses_over_messages.request import Asked, translate
from isthmus.translate.to_messages.request import Terms
from isthmus.wire import json as wire_json
from isthmus.wire.responses.shape import checked

GOLDEN = Path(__file__).parents[2] / "golden" / "responses_over_messages" / "request"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))}
SERVED = {name: case for name, case in CASES.items() if "sent" in case}
REFUSED = {name: case for name, case in CASES.items() if "error" in case}
#: Rules whose effect is not in the request alone; these files show it.
SHOWN_ELSEWHERE = {
    "model.alias": "tests/routing",
    "stream.options": "tests/translate/responses_over_messages/test_stream.py",
    "prompt_cache_key.affinity": "tests/routing",
}
CATALOG = Catalog.load()


def with_seals(value: object) -> object:
    """Seal what a file writes as ``{"sealed": {...}}``."""
    if isinstance(value, dict):
        if value.keys() == {"sealed"}:
            return seal(json.dumps(value["sealed"]).encode())
        return {name: with_seals(member) for name, member in value.items()}
    return [with_seals(member) for member in value] if isinstance(value, list) else value


def asked(case: dict, remarks: Remarks) -> Asked:
    model = case["model"]
    capabilities = CATALOG.find(model).capabilities
    capabilities = structs.replace(capabilities, **case.get("capabilities", {}))
    document = {"model": model, **with_seals(case["request"])}
    request = checked(wire_json.decode(json.dumps(document).encode()))
    return translate(
        request,
        model,
        capabilities,
        remarks=remarks,
        sealing=structs.replace(SEALING, account=case.get("account", "")),
        terms=Terms(caching=case.get("caching", "auto"), web_search=case.get("web_search", False)),
    )


@pytest.mark.parametrize("name", SERVED)
def test_request_is_sent_as_the_rule_says(name):
    case, remarks = SERVED[name], Remarks()
    sent = asked(case, remarks).sent
    assert json.loads(wire_json.encode(sent.document)) == {"model": case["model"], **case["sent"]}
    assert list(sent.betas) == case.get("betas", [])
    assert [f"{r.kind} {r.slug} {r.param}" for r in remarks] == case.get("remarks", [])


@pytest.mark.parametrize("name", REFUSED)
def test_request_is_refused_as_the_rule_says(name):
    with pytest.raises(InvalidRequest) as caught:
        asked(REFUSED[name], Remarks())
    error = caught.value
    assert {"param": error.param, "code": error.code} == REFUSED[name]["error"]
    assert error.param in error.message or error.param == "input"


@pytest.mark.parametrize("slug", [rule.slug for rule in LADDER])
def test_every_rule_of_the_ladder_has_a_case(slug):
    assert slug in CASES or slug in SHOWN_ELSEWHERE


@pytest.mark.parametrize("name", SERVED)
def test_every_remark_is_a_rule_of_the_ladder(name):
    said = {tuple(line.split()[:2]) for line in SERVED[name].get("remarks", [])}
    steps = {rule.slug: rule.step for rule in LADDER}
    assert all((steps[slug] == "note") == (kind == "note") for kind, slug in said)


def test_slugs_are_the_rules_own():
    assert len({rule.slug for rule in LADDER}) == len(LADDER)


@pytest.mark.parametrize("name", [name for name, case in SERVED.items() if case.get("remarks")])
def test_strict_caller_gets_every_warning_as_an_error(name):
    warned = [line.split()[1] for line in SERVED[name]["remarks"] if line.startswith("warning")]
    remarks = Remarks(strict=True)
    if not warned:
        assert asked(SERVED[name], remarks).sent
        return
    with pytest.raises(InvalidRequest) as caught:
        asked(SERVED[name], remarks)
    assert warned[0] in caught.value.message


def test_arguments_of_calls_keep_their_very_text():
    text = '{ "b":1.50, "a" : "\\u00e9" }'
    case = json.loads(json.dumps(CASES["function_call"]))
    case["request"]["input"][1]["arguments"] = text
    assert text.encode() in wire_json.encode(asked(case, Remarks()).sent.document)


def test_longer_conversation_begins_with_the_same_bytes():
    case = json.loads(json.dumps(CASES["tool.results"]))
    short = wire_json.encode(asked(case, Remarks()).sent.document["messages"])
    case["request"]["input"] += [
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "More."},
        {"role": "system", "content": "Be brief."},
    ]
    longer = wire_json.encode(asked(case, Remarks()).sent.document["messages"])
    assert longer.startswith(short[:-1])


def test_removed_thinking_is_told_with_the_answer():
    echo = asked(CASES["reasoning.foreign"], Remarks()).form.echo
    told = {"type": "reasoning", "action": "removed", "reason": "model_mismatch"}
    assert echo["input_transformations"] == [{"id": "rs_1", **told}]
