"""Rules about sources, citations, schemas and lifetimes, and the edges of the older ones."""

import pytest

from factories.thoughts import sign
from isthmus.sandbox.errors import ApiError
from isthmus.sandbox.models import MODELS
from isthmus.sandbox.rules import check

OLD, NEW = "2023-06-01", "2026-10-21"
S46, S45, O55, O5 = "claude-sonnet-4-6", "claude-sonnet-4-5", "claude-opus-5-5", "claude-opus-5"
HI = {"role": "user", "content": "Hi"}
TOOL = {"name": "f", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
SHORT = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
CITED = {"citations": {"enabled": True}}
SCHEMA = {"type": "json_schema", "schema": {"type": "object", "additionalProperties": False}}


def says(role: str, *content: object) -> dict:
    return {"messages": [*([HI] if role == "assistant" else []), message(role, *content)]}


def message(role: str, *content: object) -> dict:
    return {"role": role, "content": list(content)}


def text(value: str, **more: object) -> dict:
    return {"type": "text", "text": value, **more}


def image(**source: str) -> dict:
    return {"type": "image", "source": source}


def pdf(data: str = "AAAA", **more: object) -> dict:
    source = {"type": "base64", "media_type": "application/pdf", "data": data}
    return {"type": "document", "source": source, **more}


def document(**source: object) -> dict:
    return {"type": "document", "source": source}


def found(*content: object, **more: object) -> dict:
    return {"type": "search_result", "source": "s", "title": "t", "content": list(content), **more}


def result(*content: object) -> dict:
    return {"type": "tool_result", "tool_use_id": "a", "content": list(content)}


def loop(*content: object) -> dict:
    return {
        "tools": [TOOL],
        "messages": [HI, message("assistant", CALL), message("user", result(*content))],
    }


def output(schema: dict) -> dict:
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


PNG = image(type="base64", media_type="image/png", data="AAAA")
#: The version, what is changed in a good request, and what the refusal says.
BROKEN = {
    "empty text": (NEW, says("user", text("")), "messages: text content blocks must be non-empty"),
    "empty string": (
        NEW,
        {"messages": [{"role": "user", "content": ""}]},
        "messages: text content blocks must be non-empty",
    ),
    "empty system text": (
        NEW,
        {"system": [text("")]},
        "system: text content blocks must be non-empty",
    ),
    "empty text in a result": (NEW, loop(text("")), "messages: text content blocks must be"),
    "container of another form": (NEW, {"container": {"name": "x"}}, "container.name: Extra"),
    "diagnostics of another form": (NEW, {"diagnostics": {"on": True}}, "diagnostics.on: Extra"),
    "metadata of another form": (NEW, {"metadata": {"user": "x"}}, "metadata.user: Extra"),
    "negative limit": (NEW, {"max_tokens": -1}, "greater than or equal to 0"),
    "source with a stray member": (
        NEW,
        says("user", image(type="url", url="https://x", data="AAAA")),
        "source.data: Extra inputs are not permitted",
    ),
    "source without its data": (
        NEW,
        says("user", image(type="base64", media_type="image/png")),
        "source.data: Field required",
    ),
    "file without its id": (NEW, says("user", image(type="file")), "file_id: Field required"),
    "image of text": (
        NEW,
        says("user", image(type="text", media_type="text/plain", data="x")),
        "Input tag 'text'",
    ),
    "image of more than 10 MB": (
        NEW,
        says("user", image(type="base64", media_type="image/png", data="A" * (10 * 2**20 + 4))),
        "image exceeds 10 MB maximum",
    ),
    "document of another type": (
        NEW,
        says("user", document(type="base64", media_type="text/html", data="AAAA")),
        "'application/pdf'",
    ),
    "text document of another type": (
        NEW,
        says("user", document(type="text", media_type="text/html", data="x")),
        "'text/plain'",
    ),
    "document of an unknown source": (NEW, says("user", document(type="disk")), "Input tag 'disk'"),
    "document with a document inside": (
        NEW,
        says("user", document(type="content", content=[pdf()])),
        "Input tag 'document'",
    ),
    "document with a numbered title": (NEW, says("user", pdf(title=7)), "title: Input should be"),
    "document cited by a list": (NEW, says("user", pdf(citations=[])), "citations: Input should"),
    "document by the assistant": (
        NEW,
        says("assistant", pdf()),
        "`document` blocks cannot be in `assistant` messages",
    ),
    "search result without its title": (
        NEW,
        says("user", {"type": "search_result", "source": "s", "content": []}),
        "title: Field required",
    ),
    "search result of images": (NEW, says("user", found(PNG)), "Input tag 'image'"),
    "citations in a search result": (
        NEW,
        says("user", found(text("a", citations=[{"type": "char_location"}]))),
        "not allowed on `text` blocks in `user` messages",
    ),
    "call in a result": (NEW, loop(CALL), "Input tag 'tool_use'"),
    "101 images in a small context": (
        NEW,
        {"model": S45, **says("user", *[PNG] * 101)},
        "too many images (101); the maximum is 100",
    ),
    "601 images, one in a result": (
        NEW,
        {
            "tools": [TOOL],
            "messages": [
                message("user", *[PNG] * 600),
                message("assistant", CALL),
                message("user", result(PNG)),
            ],
        },
        "too many images (601); the maximum is 600",
    ),
    "nullable object left open": (
        NEW,
        output({"type": ["object", "null"]}),
        "'additionalProperties' must be explicitly set to false",
    ),
    "map of anything": (
        NEW,
        output({"additionalProperties": {"type": "string"}}),
        "'additionalProperties' must be explicitly set to false",
    ),
    "unknown type in a schema": (NEW, output({"type": "map"}), "'map' is not a type"),
    "format with citations": (
        NEW,
        {"output_config": {"format": SCHEMA}, **says("user", pdf(**CITED))},
        "cannot go with citations",
    ),
    "automatic hour after five minutes": (
        NEW,
        {**HOUR, **says("user", text("a", **SHORT))},
        "cache_control.ttl: a ttl='1h'",
    ),
    "hour in messages after five minutes in tools": (
        NEW,
        {"tools": [{**TOOL, **SHORT}], **says("user", text("a", **HOUR))},
        "messages.0.content.0.cache_control.ttl: a ttl='1h'",
    ),
    "breakpoint of another type in a search result": (
        NEW,
        says("user", found(text("a", cache_control={"type": "x"}))),
        "messages.0.content.0.content.0.cache_control.type",
    ),
    "temperature, even 1, while thinking": (
        OLD,
        {"thinking": {"type": "adaptive"}, "temperature": 1},
        "`temperature` may not be set when thinking",
    ),
    "top_k while thinking": (
        OLD,
        {"thinking": {"type": "adaptive"}, "top_k": 5},
        "`top_k` may not be set when thinking",
    ),
    "forced tool with its name on Opus 5.5": (
        NEW,
        {"model": O55, "tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}},
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ),
    "call answered only in the turn after the next": (
        NEW,
        {
            "tools": [TOOL],
            "messages": [
                HI,
                message("assistant", CALL),
                HI,
                message("assistant", text("x")),
                message("user", result()),
            ],
        },
        "without `tool_result`",
    ),
}

GOOD = {
    "a PDF larger than an image may be": (NEW, says("user", pdf("A" * (10 * 2**20 + 4)))),
    "a document of each source": (
        NEW,
        says(
            "user",
            document(type="text", media_type="text/plain", data="x"),
            document(type="url", url="https://x/y.pdf"),
            document(type="file", file_id="file_1"),
            document(type="content", content="x"),
            document(type="content", content=[text("x"), PNG]),
            pdf(title="t", context=None, **CITED),
        ),
    ),
    "a document by the assistant under the older version": (
        OLD,
        {"messages": [HI, message("assistant", pdf()), HI]},
    ),
    "citations of the user under the older version": (
        OLD,
        says("user", found(text("a", citations=[{"type": "char_location"}]))),
    ),
    "a search result, in a result of a tool too": (NEW, loop(found(text("a"), **CITED))),
    "a null that says nothing": (NEW, {"diagnostics": None}),
    "diagnostics of the first request": (NEW, {"diagnostics": {"previous_message_id": None}}),
    "a container by its id": (NEW, {"container": {"id": "c", "skills": []}}),
    "a format beside a document that is not cited": (
        NEW,
        {"output_config": {"format": SCHEMA}, **says("user", pdf(citations={"enabled": False}))},
    ),
    "an automatic breakpoint after a longer one": (
        NEW,
        {**SHORT, **says("user", text("a", **HOUR))},
    ),
    "top_p close to 1 while thinking": (OLD, {"thinking": {"type": "adaptive"}, "top_p": 0.95}),
    "temperature at its default where sampling is gone": (
        OLD,
        {"model": O5, "thinking": {"type": "adaptive"}, "temperature": 1},
    ),
    "a nullable closed object": (
        NEW,
        output({"type": ["object", "null"], "additionalProperties": False}),
    ),
    "600 images": (NEW, says("user", *[PNG] * 600)),
    "thinking left out of an old turn": (
        NEW,
        {
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "max_tokens": 2000,
            "messages": [HI, message("assistant", text("x")), HI],
        },
    ),
}


def request(change: dict) -> dict:
    return {"model": S46, "max_tokens": 100, "messages": [HI]} | change


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_rule_is_refused_in_upstreams_words(name):
    version, change, words = BROKEN[name]
    with pytest.raises(ApiError) as caught:
        check(request(change), version)
    assert caught.value.status == 400
    assert words in caught.value.message


@pytest.mark.parametrize("name", GOOD)
def test_what_breaks_no_rule_passes(name):
    version, change = GOOD[name]
    assert check(request(change), version).id


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
@pytest.mark.parametrize("version", [OLD, NEW])
def test_plain_request_passes_on_every_model(model, version):
    assert check(request({"model": model.id}), version) is model


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
@pytest.mark.parametrize("kind", ["adaptive", "enabled", "disabled", "between_tools"])
def test_mode_of_thinking_passes_exactly_where_the_model_knows_it(model, kind):
    budget = {"budget_tokens": 1024} if kind == "enabled" else {}
    change = {"model": model.id, "max_tokens": 2000, "thinking": {"type": kind, **budget}}
    try:
        check(request(change), NEW)
    except ApiError as refusal:
        assert kind not in model.thinking
        assert "not supported" in refusal.message
    else:
        assert kind in model.thinking


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
@pytest.mark.parametrize(
    ("ability", "change"),
    [
        ("prefill", says("assistant", text("x"))),
        ("forced", {"tools": [TOOL], "tool_choice": {"type": "any"}}),
        ("mid_system", {"messages": [HI, {"role": "system", "content": "x"}]}),
    ],
)
def test_ability_is_refused_exactly_where_the_model_lacks_it(model, ability, change):
    try:
        check(request({"model": model.id, **change}), NEW)
    except ApiError as refusal:
        assert not getattr(model, ability)
        assert "not support" in refusal.message
    else:
        assert getattr(model, ability)


def test_conversation_has_at_most_100_000_messages():
    with pytest.raises(ApiError, match="at most 100000 items"):
        check(request({"messages": [HI] * 100_001}), NEW)


def test_signed_thinking_passes_with_its_text_and_emptied():
    for shown in ("t", ""):
        block = {"type": "thinking", "thinking": shown, "signature": sign("t")}
        assert check(request({"messages": [HI, message("assistant", block, text("x")), HI]}), NEW)
