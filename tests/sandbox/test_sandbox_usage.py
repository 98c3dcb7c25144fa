"""Usage of answers: what the cache did, and what the context window leaves room for."""

import json

import pytest

from isthmus.sandbox.app import application
from isthmus.sandbox.models import find
from isthmus.sandbox.prompt import Prompt
from sandbox.exchange import Exchange

pytestmark = pytest.mark.anyio

MODEL = "claude-haiku-4-5"
WINDOW = find(MODEL).max_input
MARK = {"cache_control": {"type": "ephemeral"}}


def ask(text: str, **more) -> Exchange:
    return Exchange("POST", "/v1/messages", request(text, **more))


def request(text: str, **more) -> dict:
    messages = [{"role": "user", "content": text}]
    return {"model": MODEL, "max_tokens": 1000, "messages": messages} | more


def filler(tokens: int) -> str:
    """Fill the prompt up to so many tokens."""
    return " a" * (tokens - Prompt(request("a")).tokens + 1)


async def test_second_call_of_the_same_sandbox_reads_what_the_first_wrote():
    sandbox, text = application(), "word " * 5000
    first, second = [(await ask(text, **MARK).run(sandbox)).document() for _ in range(2)]
    written = first["usage"]["cache_creation_input_tokens"]
    assert second["usage"]["cache_read_input_tokens"] == written > 5000
    assert first["content"] == second["content"]


async def test_both_ends_of_a_stream_tell_what_the_cache_did():
    asked = await ask("word " * 5000, stream=True, **MARK).run()
    data = [json.loads(line[6:]) for line in asked.body.splitlines() if line.startswith(b"data:")]
    told = [data[0]["message"]["usage"], data[-2]["usage"]]
    assert told[0]["cache_creation_input_tokens"] == told[1]["cache_creation_input_tokens"] > 5000


@pytest.mark.parametrize("key", [{"authorization": "Bearer b"}, {"x_api_key": "c"}, {}])
async def test_each_key_has_a_cache_of_its_own(key):
    sandbox, asked = application(), request("word " * 5000, **MARK)
    await Exchange("POST", "/v1/messages", asked, x_api_key="a").run(sandbox)
    again = await Exchange("POST", "/v1/messages", asked, **key).run(sandbox)
    assert again.document()["usage"]["cache_read_input_tokens"] == 0


async def test_call_that_failed_writes_nothing():
    sandbox, system = application(), [{"type": "text", "text": "word " * 5000, **MARK}]
    await ask("[[sandbox: fail=529]]", system=system).run(sandbox)
    asked = (await ask("a", system=system).run(sandbox)).document()
    assert asked["usage"]["cache_read_input_tokens"] == 0


@pytest.mark.parametrize("directive", ["", '[[sandbox: redacted text=""]]', "[[sandbox: refuse]]"])
async def test_limit_of_zero_only_warms_the_cache(directive):
    sandbox, text = application(), "word " * 5000 + directive
    warm = (await ask(text, max_tokens=0, **MARK).run(sandbox)).document()
    assert (warm["content"], warm["stop_reason"]) == ([], "max_tokens")
    assert warm["usage"]["output_tokens"] == 0
    asked = (await ask(text, **MARK).run(sandbox)).document()
    assert asked["usage"]["input_tokens"] == 0


async def test_prompt_longer_than_the_window_is_refused():
    assert (await ask(filler(WINDOW)).run()).status == 200
    refused = await ask(filler(WINDOW + 1)).run()
    words = f"prompt is too long: {WINDOW + 1} tokens > {WINDOW} maximum"
    assert (refused.status, refused.document()["error"]["message"]) == (400, words)


@pytest.mark.parametrize(
    ("limit", "reason"), [(9, "max_tokens"), (11, "model_context_window_exceeded")]
)
async def test_answer_ends_where_the_window_does(limit, reason):
    text = "[[sandbox: tokens=20]]"
    room = WINDOW - Prompt(request(text)).tokens - 10
    asked = (await ask(" a" * room + text, max_tokens=limit).run()).document()
    assert asked["stop_reason"] == reason
    assert asked["usage"]["output_tokens"] == min(limit, 10)


async def test_answer_that_fits_the_window_is_whole():
    asked = (await ask(filler(WINDOW - 500)).run()).document()
    assert asked["stop_reason"] == "end_turn"
