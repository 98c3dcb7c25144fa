"""What a model said comes back to it as it said it."""

import json

from hypothesis import assume, given

from factories import completions as make
from isthmus.call import ChatCapabilities, ChatDialect
from isthmus.translate.messages_over_chat.form import AnswerForm
from isthmus.translate.messages_over_chat.request import Terms, translate
from isthmus.translate.messages_over_chat.response import response
from isthmus.translate.messages_over_chat.signature import Seal
from isthmus.translate.remarks import Remarks
from isthmus.wire.messages.shape import checked

KEY = b"k" * 32
FORM = AnswerForm(seal=Seal(key=KEY), thoughts="shown")
CAPABILITIES = ChatCapabilities(dialect=ChatDialect(thoughts_member="reasoning_content"))


def sent_back(content: list[dict]) -> list[dict]:
    """Ask on after an answer, with results for all of its calls."""
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": block["name"]}
        for block in content
        if block["type"] == "tool_use"
    ]
    last = {"role": "user", "content": [*results, {"type": "text", "text": "Go on."}]}
    first = {"role": "user", "content": "Hi"}
    turns = [first, {"role": "assistant", "content": content}, last]
    request = checked(json.loads(json.dumps({"model": "m", "max_tokens": 1, "messages": turns})))
    terms = Terms(keys=(KEY,))
    remarks = Remarks(strict=True)
    return translate(request, "m", CAPABILITIES, remarks=remarks, terms=terms).document["messages"]


@given(make.ANSWERS)
def test_text_thoughts_and_calls_come_back_as_they_were(answer):
    said = answer["choices"][0]["message"]
    content = response(answer, model="m", request_id="r", form=FORM)["content"]
    calls = said.get("tool_calls", [])
    assume(calls)
    _, back, *rest = sent_back(content)
    assert back["content"] == (said["content"] if (said["content"] or "").strip() else None)
    asked = [(c["function"]["name"], json.loads(c["function"]["arguments"] or "{}")) for c in calls]
    again = [
        (c["function"]["name"], json.loads(c["function"]["arguments"])) for c in back["tool_calls"]
    ]
    assert again == [(name, arguments or {}) for name, arguments in asked]
    thought = [said[name] for name in said if name.startswith("reasoning") and said[name]]
    assert back.get("reasoning_content", "") == (
        thought[0] if thought and thought[0].strip() else ""
    )
    answered = [message["tool_call_id"] for message in rest[:-1]]
    assert answered == [call["id"] for call in back["tool_calls"]]
    assert len(set(answered)) == len(answered)
