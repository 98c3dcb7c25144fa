"""The official client reads what is made for it, in one piece and streamed."""

import json

import anthropic
import httpx2
import pytest

from factories import completions as make
from isthmus.errors import UpstreamBroken, UpstreamRefused
from isthmus.translate.messages_over_chat.failure import tell
from isthmus.translate.messages_over_chat.form import AnswerForm
from isthmus.translate.messages_over_chat.response import response
from isthmus.translate.messages_over_chat.signature import Seal
from isthmus.translate.messages_over_chat.stream import MessagesStream
from isthmus.wire.messages import errors
from isthmus.wire.messages.events import framed

FORM = AnswerForm(seal=Seal(key=b"k" * 32), thoughts="shown")
ASKED = {"model": "asked", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}
ANSWER = make.completion(
    "Let me see.",
    make.call("functions.look:0", "look", '{"at": [1, 2]}'),
    make.call("b", "say", ""),
    finish_reason="stop",
    reasoning_content="Hm.",
)


def client(body: bytes, kind: str, status: int = 200) -> anthropic.Anthropic:
    reply = httpx2.Response(status, content=body, headers={"content-type": kind})
    transport = httpx2.MockTransport(lambda _: reply)
    return anthropic.Anthropic(
        api_key="k", max_retries=0, http_client=httpx2.Client(transport=transport)
    )


def sent(events: list) -> bytes:
    translator = MessagesStream(model="asked", request_id="req_1", form=FORM)
    told = [event for each in events for event in translator.feed(each)]
    translator.close()
    return b"".join(map(framed, told + (translator.finish() if translator.complete else [])))


def test_streamed_and_whole_answers_are_the_same_message_to_the_client():
    body = json.dumps(response(ANSWER, model="asked", request_id="req_1", form=FORM)).encode()
    whole = client(body, "application/json").messages.create(**ASKED)
    streaming = client(sent(make.stream(ANSWER)), "text/event-stream")
    with streaming.messages.stream(**ASKED) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block.input for block in message.content[2:]] == [{"at": [1, 2]}, {}]
    assert (message.stop_reason, message.usage.input_tokens) == ("tool_use", 11)
    assert message.usage.output_tokens == whole.usage.output_tokens == 7
    assert [block.model_dump() for block in message.content] == [
        block.model_dump() for block in whole.content
    ]


def test_failure_in_the_middle_of_a_stream_is_raised():
    error = errors.document(UpstreamBroken("It broke."), "req_1")
    body = sent(make.stream(ANSWER)[:6]) + framed(error)
    streaming = client(body, "text/event-stream").messages.stream(**ASKED)
    with pytest.raises(anthropic.APIStatusError), streaming as stream:
        stream.get_final_message()


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.InternalServerError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (503, anthropic.InternalServerError),
    ],
)
def test_refusals_are_raised_as_the_client_names_them(status, raised):
    error = tell(UpstreamRefused("No.", upstream_status=status, upstream_type=""))
    body = json.dumps(errors.document(error, "req_1")).encode()
    with pytest.raises(raised):
        client(body, "application/json", error.status).messages.create(**ASKED)
