"""Thoughts between the other blocks of an answer: where they stand, and what they cost."""

import pytest

from sandbox.exchange import Exchange

pytestmark = pytest.mark.anyio

TOOL = {"name": "f", "input_schema": {"type": "object"}}
SEARCH = {"type": "web_search_20260318", "name": "web_search"}


async def answer(directives: str, **more) -> dict:
    document = {
        "model": "claude-opus-5-5",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": f"Hi [[sandbox: {directives}]]"}],
        "tools": [TOOL, SEARCH],
        **more,
    }
    exchange = await Exchange("POST", "/v1/messages", document).run()
    assert exchange.status == 200, exchange.body
    return exchange.message()


def kinds(message: dict) -> str:
    """Name the blocks by their first letters."""
    return "".join(block["type"][0] if block["type"] != "thinking" else "*"
                   for block in message["content"])  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("directives", "expected"),
    [
        ("tool=f tool=f text=a notes=0", "*ttt"),
        ("tool=f tool=f text=a notes=1", "*tt*t"),
        ("tool=f tool=f text=a notes=2", "*t*t*t"),
        ("tool=f tool=f text=a notes=4", "**t*t**t"),
        ("redacted text=a notes=2", "**r*t"),
        ("text=a notes=3", "****t"),
        ("search=a text=a notes=2", "**sw*t"),
    ],
)
async def test_notes_fill_the_places_between_blocks_from_the_last_one_on(
    directives, expected, stream
):
    assert kinds(await answer(directives, stream=stream)) == expected


async def test_model_that_does_not_think_makes_no_notes():
    off = {"model": "claude-opus-4-8", "thinking": {"type": "disabled"}}
    assert kinds(await answer("notes=3 text=a", **off)) == "t"


async def test_notes_count_as_thinking_and_within_the_limit():
    few, many = await answer("notes=1 text=a"), await answer("notes=2 text=a")
    spent = [
        message["usage"]["output_tokens_details"]["thinking_tokens"] for message in (few, many)
    ]
    assert spent[0] < spent[1]
    cut = await answer("notes=9999999 text=a")
    assert (cut["stop_reason"], cut["usage"]["output_tokens"]) == ("max_tokens", 1000)


async def test_notes_are_shown_as_thinking_is():
    shown = await answer("notes=1 text=a", thinking={"type": "adaptive", "display": "summarized"})
    assert all(block["thinking"] for block in shown["content"][:2])
    hidden = await answer("notes=1 text=a", thinking={"type": "adaptive", "display": "omitted"})
    assert not any(block["thinking"] for block in hidden["content"][:2])
