"""A stream that is slow to start shows life, and may still go elsewhere or fail truthfully."""

import asyncio
import json
from contextlib import aclosing
from pathlib import Path

import pytest

from factories import messages as make
from factories.client import HELLO
from factories.fake_upstream import PAUSE, STALL, FakeUpstream, event, events
from isthmus.access.keys import KeyRing
from isthmus.config import load
from isthmus.gateway import application
from isthmus.serving import heartbeat

pytestmark = pytest.mark.anyio
KEY = "a-key-of-some-length"
EVENTS = make.stream(make.message(make.text("Hello.")))


@pytest.fixture
def upstreams():
    with FakeUpstream() as primary, FakeUpstream() as backup:
        yield primary, backup


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(heartbeat, "HEAD_HOLD", 0.05)
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.1)


async def streamed(upstreams, directory: Path) -> list[dict]:
    """Stream through a gateway whose upstreams have half a second for the first byte."""
    file = directory / "isthmus.toml"
    urls = ", ".join(f'"{upstream.url}"' for upstream in upstreams)
    file.write_text(
        f'[upstreams.main]\nkind = "anthropic"\nbase_urls = [{urls}]\napi_key = "env:K"\n'
        "timeouts = { first_byte = 0.5, first_content = 0.5 }\n"
        '[models.only-main]\ntargets = [{ upstream = "main", model = "claude-sonnet-4-6" }]\n'
    )
    app = application(load(file, {"K": "sk-upstream"}), KeyRing({"me": KEY}))
    body = [{"type": "http.request", "body": json.dumps({**HELLO, "stream": True}).encode()}]
    sent: list[dict] = []

    async def receive():
        return body.pop() if body else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    headers = [(b"authorization", f"Bearer {KEY}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
    async with aclosing(app):
        await app(scope, receive, send)
    return sent


def told(sent: list[dict]) -> str:
    return b"".join(message.get("body", b"") for message in sent).decode()


async def test_waiting_client_gets_the_head_and_comments(upstreams, tmp_path):
    upstreams[0].will([*events(EVENTS[:2], *[PAUSE] * 6), *map(event, EVENTS[2:]), b"0\r\n\r\n"])
    sent = await streamed(upstreams, tmp_path)
    assert sent[0]["status"] == 200
    assert told(sent).startswith(": keep-alive\n\n")
    assert told(sent).endswith("data: [DONE]\n\n")


async def test_another_route_may_be_tried_after_the_head(upstreams, tmp_path):
    upstreams[0].will(events(EVENTS[:2], STALL))
    upstreams[1].will(events(EVENTS))
    sent = await streamed(upstreams, tmp_path)
    assert told(sent).count('"role":"assistant"') == 1
    assert told(sent).endswith("data: [DONE]\n\n")


async def test_exhausted_routes_after_the_head_are_an_error_in_the_stream(upstreams, tmp_path):
    for upstream in upstreams:
        upstream.will([STALL])
    sent = await streamed(upstreams, tmp_path)
    last = told(sent).rstrip().rpartition("data: ")[2]
    assert json.loads(last)["error"]["code"] == "timeout"
    assert "[DONE]" not in told(sent)
    assert all(message.get("more_body", True) for message in sent)
