import datetime as dt

import msgspec
import openai.types
import pytest
from anthropic.types import ModelInfo

from isthmus.call import Capabilities
from isthmus.errors import InvalidRequest
from isthmus.wire.models import (
    ModelEntry,
    anthropic_document,
    anthropic_listing,
    document,
    listing,
)

CAPABILITIES = Capabilities(
    max_input_tokens=200_000,
    max_output_tokens=64_000,
    thinking=("enabled", "disabled"),
    thinking_default="off",
    thinking_display="summarized",
    efforts=("low", "medium", "high"),
    sampling="one_of",
    prefill=True,
    forced_tools=True,
    mid_system=False,
    prefix_check="none",
    account_bound=False,
    structured_outputs=True,
    cache_minimum=1024,
)
ENTRY = ModelEntry(
    id="claude-test-1",
    display_name="Claude Test 1",
    capabilities=CAPABILITIES,
    created=dt.date(2025, 9, 29),
    lifecycle="deprecated",
    line="sonnet",
    retires_at=dt.date(2026, 11, 30),
)
ENTRIES = tuple(msgspec.structs.replace(ENTRY, id=f"m{number}") for number in range(5))


def ids(page: dict) -> list[str]:
    return [model["id"] for model in page["data"]]


def test_an_entry_has_the_fields_of_both_protocols():
    assert document(ENTRY) == {
        "id": "claude-test-1",
        "object": "model",
        "created": 1_759_104_000,
        "owned_by": "anthropic",
        "type": "model",
        "display_name": "Claude Test 1",
        "created_at": "2025-09-29T00:00:00Z",
        "lifecycle": "deprecated",
        "deprecated_at": None,
        "retires_at": "2026-11-30T00:00:00Z",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
        "shutdown_date": "2026-11-30",
    }


def test_the_openai_sdk_reads_an_entry():
    model = openai.types.Model.model_validate(document(ENTRY), strict=True)
    assert (model.id, model.created, model.shutdown_date) == (
        "claude-test-1",
        1_759_104_000,
        "2026-11-30",
    )


def test_the_anthropic_sdk_reads_an_entry_that_suits_both():
    model = ModelInfo.model_validate_json(msgspec.json.encode(document(ENTRY)))
    assert (model.display_name, model.max_tokens) == ("Claude Test 1", 64_000)


def test_the_list_that_suits_both_is_whole():
    body = listing(ENTRIES)
    assert {key: body[key] for key in body if key != "data"} == {
        "object": "list",
        "first_id": "m0",
        "last_id": "m4",
        "has_more": False,
    }
    assert ids(body) == ["m0", "m1", "m2", "m3", "m4"]


def test_an_empty_list_has_no_first_and_no_last():
    assert (listing([])["first_id"], anthropic_listing([])["last_id"]) == (None, None)


def test_the_anthropic_sdk_reads_an_anthropic_entry_with_nothing_left_over():
    raw = anthropic_document(ENTRY)
    model = ModelInfo.model_validate_json(msgspec.json.encode(raw))
    assert model.model_extra == {}
    assert model.retires_at == dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
    assert model.deprecated_at is None
    assert raw.keys() == ModelInfo.model_fields.keys()


def test_an_anthropic_entry_says_what_the_model_accepts():
    model = ModelInfo.model_validate_json(msgspec.json.encode(anthropic_document(ENTRY)))
    accepted = model.capabilities
    assert accepted is not None
    assert accepted.thinking.types.enabled.supported
    assert accepted.thinking.types.disabled.supported
    assert not accepted.thinking.types.adaptive.supported
    assert accepted.effort.high.supported
    assert accepted.effort.xhigh is not None
    assert not accepted.effort.xhigh.supported
    assert accepted.structured_outputs.supported
    assert not accepted.batch.supported


def test_an_unknown_day_of_release_is_the_epoch():
    unknown = msgspec.structs.replace(ENTRY, created=None)
    assert document(unknown)["created"] == 0
    assert anthropic_document(unknown)["created_at"] == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("query", "shown", "has_more"),
    [
        ({}, ["m0", "m1", "m2", "m3", "m4"], False),
        ({"limit": 2}, ["m0", "m1"], True),
        ({"limit": 2, "after_id": "m1"}, ["m2", "m3"], True),
        ({"limit": 2, "after_id": "m2"}, ["m3", "m4"], False),
        ({"after_id": "m4"}, [], False),
        ({"limit": 2, "before_id": "m4"}, ["m2", "m3"], True),
        ({"limit": 2, "before_id": "m2"}, ["m0", "m1"], False),
        ({"before_id": "m0"}, [], False),
        ({"after_id": "m0", "before_id": "m3"}, ["m1", "m2"], False),
        ({"limit": 1, "after_id": "m0", "before_id": "m3"}, ["m1"], True),
    ],
)
def test_pages_of_the_anthropic_list(query: dict, shown: list[str], has_more: bool):
    page = anthropic_listing(ENTRIES, **query)
    assert ids(page) == shown
    assert page["has_more"] is has_more
    assert (page["first_id"], page["last_id"]) == ((shown or [None])[0], (shown or [None])[-1])


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"after_id": "m9"}, "after_id"),
        ({"before_id": "m9"}, "before_id"),
    ],
)
def test_a_page_that_cannot_be_is_refused(query: dict, param: str):
    with pytest.raises(InvalidRequest) as caught:
        anthropic_listing(ENTRIES, **query)
    assert caught.value.param == param
