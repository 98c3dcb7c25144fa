"""What is written down of each attempt of a call, whoever was asked and whatever came of it."""

import asyncio
import json
from collections.abc import Callable, Generator
from contextlib import aclosing
from pathlib import Path

import pytest

from factories import messages as make
from factories.client import HELLO
from factories.fake_upstream import RESET, STALL, FakeUpstream, Script, error, events, whole
from factories.routes import Recorder
from isthmus.access.keys import KeyRing
from isthmus.call import Outcome, Usage
from isthmus.config import load
from isthmus.gateway import application

pytestmark = pytest.mark.anyio
KEY = "a-key-of-some-length"
GOOD = make.message(make.text("Hello there."))
EVENTS = make.stream(GOOD)
REPORTED = {"service_tier": "standard"}
ALL, SO_FAR = (
    Usage(input_tokens=11, output_tokens=7, **REPORTED),
    Usage(input_tokens=11, output_tokens=1, **REPORTED),
)

#: Known defects, outside of routing; `strict` says so as soon as they are mended.


@pytest.fixture
def upstreams() -> Generator[tuple[FakeUpstream, FakeUpstream]]:
    with FakeUpstream() as primary, FakeUpstream() as backup:
        yield primary, backup


@pytest.fixture
def ask(upstreams, tmp_path: Path) -> Callable:
    """Ask a gateway in this process; return how the call ended."""
    file, recorder = tmp_path / "isthmus.toml", Recorder()
    urls = ", ".join(f'"{upstream.url}"' for upstream in upstreams)
    file.write_text(
        f'[upstreams.main]\nkind = "anthropic"\nbase_urls = [{urls}]\napi_key = "env:K"\n'
        "timeouts = { first_byte = 1, stall = 0.3 }\n"
    )
    app = application(load(file, {"K": "sk-upstream"}), KeyRing({"me": KEY}))
    app._observer = recorder

    async def run(first: Script, second: Script = (), leave_after: float = 60, **more) -> Outcome:
        upstreams[0].will(first)
        upstreams[1].will(second)
        document = {**HELLO, "model": "claude-sonnet-4-6", **more}
        body = [{"type": "http.request", "body": json.dumps(document).encode()}]

        async def receive():
            if body:
                return body.pop()
            await asyncio.sleep(leave_after)
            return {"type": "http.disconnect"}

        async def send(message):
            await asyncio.sleep(0)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/chat/completions",
            "headers": [(b"authorization", f"Bearer {KEY}".encode())],
        }
        async with aclosing(app):
            await app(scope, receive, send)
        return recorder.outcomes[-1]

    return run


async def test_a_whole_answer_is_one_attempt_with_its_usage(ask):
    outcome = await ask(whole(GOOD), max_tokens=9)
    (attempt,) = outcome.attempts
    assert (attempt.status, attempt.sent, attempt.error) == (200, "all", None)
    assert (attempt.upstream, attempt.credential) == ("main", 1)
    assert attempt.usage == outcome.usage == ALL


async def test_both_attempts_of_a_broken_answer_are_told_with_their_usage(ask):
    outcome = await ask(events(EVENTS[:5], RESET), events(EVENTS))
    first, second = outcome.attempts
    assert (first.status, first.error, first.usage) == (200, "stream_interrupted", SO_FAR)
    assert (second.status, second.error, second.usage) == (200, None, ALL)
    assert outcome.usage == ALL
    assert outcome.ending == "complete"


async def test_what_failed_before_content_is_told_with_what_it_had_used(ask):
    outcome = await ask(events(EVENTS[:1], STALL), events(EVENTS), stream=True)
    first, second = outcome.attempts
    assert (first.error, first.usage) == ("timeout", SO_FAR)
    assert (second.error, second.usage) == (None, ALL)


async def test_a_refusal_has_used_nothing(ask):
    outcome = await ask(error(529, "overloaded_error"), events(EVENTS), stream=True)
    first, second = outcome.attempts
    assert (first.status, first.error, first.usage) == (529, "upstream_refused", None)
    assert first.base_url != second.base_url


async def test_a_broken_stream_is_told_with_what_was_seen(ask):
    outcome = await ask(events(EVENTS[:5], RESET), events(EVENTS), stream=True)
    (attempt,) = outcome.attempts
    assert (attempt.error, attempt.usage) == ("stream_interrupted", SO_FAR)


async def test_a_broken_stream_is_no_complete_call(ask):
    outcome = await ask(events(EVENTS[:5], RESET), stream=True)
    assert (outcome.ending, outcome.error) == ("failed", "stream_interrupted")


@pytest.mark.parametrize("stream", [True, False])
async def test_an_attempt_whose_client_left_is_told_with_what_was_seen(ask, stream):
    outcome = await ask(events(EVENTS[:5], STALL), leave_after=0.15, stream=stream)
    (attempt,) = outcome.attempts
    assert (outcome.ending, attempt.usage) == ("client_closed", SO_FAR)
