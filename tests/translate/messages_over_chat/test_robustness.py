"""Whatever comes in, what goes wrong is told as somebody's fault, and never as ours."""

import contextlib
import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import completions as make
from isthmus.call import ChatCapabilities, ChatDialect
from isthmus.errors import InvalidRequest, UpstreamBroken
from isthmus.translate.messages_over_chat.request import Terms, translate
from isthmus.translate.messages_over_chat.response import response
from isthmus.translate.messages_over_chat.stream import MessagesStream
from isthmus.translate.remarks import Remarks
from isthmus.wire import json as wire_json
from isthmus.wire.chat import reported
from isthmus.wire.chat.events import is_content, is_error
from isthmus.wire.chat.fold import Fold
from isthmus.wire.messages.shape import checked

GOLDEN = Path(__file__).parents[2] / "golden" / "messages_over_chat" / "request"
ASKED = [json.loads(path.read_text())["asked"] for path in sorted(GOLDEN.glob("*.json"))]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
CAPABILITIES = [
    ChatCapabilities(
        dialect=ChatDialect(
            cache_marks=True, strict_tools=True, budget="b", thoughts_member="reasoning"
        ),
        pdf_input=True,
        thinking="switched",
        efforts=("low", "high"),
    ),
    ChatCapabilities(
        dialect=ChatDialect(late_instructions=False, text_parts=False),
        thinking="always",
        image_input=False,
        structured_outputs=False,
    ),
]


def places(document: object, path: tuple = ()) -> list[tuple]:
    """List the paths of everything inside of a document."""
    steps = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for step, value in steps:
        found.append((*path, step))
        if isinstance(value, dict | list):
            found += places(value, (*path, step))
    return found


@st.composite
def damaged(draw, documents: list) -> dict:
    """One of the documents, with anything at all in one place of it."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    *path, last = draw(st.sampled_from(places(document)))
    inner = document
    for step in path:
        inner = inner[step]
    inner[last] = draw(ANYTHING)
    return document


@given(damaged(ASKED), st.sampled_from(CAPABILITIES))
def test_any_request_is_translated_or_refused(document, capabilities):
    with contextlib.suppress(InvalidRequest):
        translated = translate(
            checked(wire_json.decode(wire_json.encode(document))),
            "m",
            capabilities,
            remarks=Remarks(),
            terms=Terms(keys=(b"k",)),
        )
        assert wire_json.encode(translated.document)


WHOLE = make.completion("Hi", make.call("a", "look", "{}"), reasoning_content="Hm.", refusal="No")
CHUNKS = make.stream(WHOLE)[:-1]


@given(damaged([WHOLE]))
def test_any_completion_is_translated_or_broken(document):
    with contextlib.suppress(UpstreamBroken):
        message = response(document, model="m", request_id="req_1")
        assert wire_json.encode(message)


@given(st.lists(damaged(CHUNKS), max_size=4))
def test_any_stream_is_translated_or_broken(events):
    translator, fold = MessagesStream(model="m", request_id="req_1"), Fold()
    with contextlib.suppress(UpstreamBroken):
        for event in events:
            is_content(event)
            fold.feed(event)
            assert wire_json.encode([translator.feed(event), fold.completion])


@given(st.dictionaries(st.sampled_from(["error", "message", "x"]), ANYTHING))
def test_any_error_is_read(document):
    assert is_error(document) == bool(document.get("error"))
    assert reported.read_chunk(document).status >= 400
    assert reported.read_body(500, wire_json.encode(document)).message


@pytest.mark.parametrize("event", [{}, {"choices": None}, {"choices": []}, {"usage": 1}])
def test_chunks_that_say_nothing_show_no_content(event):
    assert not is_content(event)
