"""Whatever is wrong with a request, it is refused by name and never breaks anything."""

import json

from hypothesis import given
from hypothesis import strategies as st

from factories.sealing import SEALING
from isthmus.errors import InvalidRequest
from isthmus.translate.remarks import Remarks
from isthmus.translate.responses_over_messages.applied import applied
from isthmus.translate.responses_over_messages.request import translate
from isthmus.wire import json as wire_json
from isthmus.wire.responses.shape import checked
from translate.responses_over_messages.test_request import CASES, CATALOG, with_seals

ODD = st.sampled_from(
    [
        *(None, 0, -1, 1.5, True, "", "x", "auto", [], {}, [1], ["a"], [None], [{}], {"a": None}),
        *({"type": "x"}, {"type": "text"}, [{"type": "function"}], "data:,", "message"),
        *("reasoning", "function_call", "é" * 70, "sealed:", "sealed:e30=", "sealed:bnVsbA=="),
    ]
)


def places(value: object, above: tuple = ()) -> list[tuple]:
    """List the places of all values below this one."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple] = []
    for step, below in entries:
        found.append((*above, step))
        found += places(below, (*above, step)) if isinstance(below, dict | list) else []
    return found


def changed(document: dict, place: tuple, value: object) -> dict:
    *path, last = place
    holder = document
    for step in path:
        holder = holder[step]
    holder[last] = value
    return document


@given(st.sampled_from(sorted(CASES)), st.data())
def test_request_with_an_odd_member_is_served_or_refused_by_its_path(name, data):
    case = CASES[name]
    document = json.loads(json.dumps({"model": case["model"], **with_seals(case["request"])}))
    place = data.draw(st.sampled_from(places(document)))
    document = changed(document, place, data.draw(ODD))
    capabilities, remarks = CATALOG.find(case["model"]).capabilities, Remarks()
    try:
        request = checked(document)
        asked = translate(request, "m", capabilities, remarks=remarks, sealing=SEALING)
    except InvalidRequest as error:
        assert error.param == "input" or error.param in error.message
        return
    assert wire_json.encode(asked.sent.document)
    assert applied(request, asked.sent.document, remarks, renamed=False)


def test_parts_where_none_belong_are_unknown_members_like_others():
    call = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}", "output": [1]}
    result = {"type": "function_call_output", "call_id": "a", "output": "x", "content": [3]}
    document = {"model": "m", "input": [{"role": "user", "content": "Hi"}, call, result]}
    remarks, capabilities = Remarks(), CATALOG.find("claude-sonnet-4-6").capabilities
    translate(checked(document), "m", capabilities, remarks=remarks, sealing=SEALING)
    assert {"input[1].output", "input[2].content"} <= {remark.param for remark in remarks}
