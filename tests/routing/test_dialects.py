"""The vendors' table says only what the translation understands."""

import msgspec
import pytest

from factories import completions as make
from isthmus.call import ChatCapabilities, ChatDialect
from isthmus.routing import dialects
from isthmus.translate.messages_over_chat.request import Terms, translate
from isthmus.translate.messages_over_chat.response import response
from isthmus.translate.remarks import Remarks

DIALECTS = dialects.load()
ASKED = {
    "model": "m",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hi"}],
    "thinking": {"type": "adaptive"},
}


def test_vendors_that_nobody_described_are_plain():
    assert DIALECTS[dialects.PLAIN] == ChatDialect()


@pytest.mark.parametrize(
    "row", ["x = 1", "[x]\nlimit = 'tokens'", "[x]\nmember = 1", "[x]\nthinks = 1"]
)
def test_table_that_cannot_be_true_is_refused(row):
    with pytest.raises(ValueError, match="dialect x"):
        dialects.load(row)


@pytest.mark.parametrize("name", DIALECTS)
def test_thinking_goes_on_off_and_back_as_the_vendor_says(name):
    dialect = DIALECTS[name]
    capabilities = ChatCapabilities(dialect=dialect, thinking="switched")
    terms = Terms(keys=(b"k",))
    on = translate(ASKED, "m", capabilities, remarks=Remarks(), terms=terms)
    off = translate({**ASKED, "thinking": None}, "m", capabilities, remarks=Remarks())
    assert on.document.items() >= dialect.thinks.items()
    assert off.document.items() >= dialect.thinks_not.items()
    answer = make.completion(None, make.call("a", "f", "{}"), reasoning_content="Hm.")
    said = response(answer, model="m", request_id="r", form=on.form)["content"]
    result = {"type": "tool_result", "tool_use_id": "a"}
    turns = [{"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
    again = {**ASKED, "messages": ASKED["messages"] + turns}
    sent = translate(again, "m", capabilities, remarks=Remarks(strict=True), terms=terms)
    back = sent.document["messages"][1]
    assert back.get(dialect.thoughts_member or "") == (dialect.thoughts_member and "Hm.")


def test_members_that_switch_thinking_can_be_sent():
    for dialect in DIALECTS.values():
        assert msgspec.json.encode([dialect.thinks, dialect.thinks_not])
        assert bool(dialect.thinks) == bool(dialect.thinks_not)
