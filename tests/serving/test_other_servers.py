"""The application on a server that knows nothing of our extension."""

import asyncio
import json
from contextlib import aclosing

import pytest

from factories import messages as make
from factories.asgi import KEY, call
from factories.client import HELLO
from factories.fake_upstream import STALL, FakeUpstream, events, whole
from isthmus.access.keys import KeyRing
from isthmus.config import Config, load
from isthmus.gateway import application

pytestmark = pytest.mark.anyio


@pytest.fixture
def upstream():
    with FakeUpstream() as started:
        yield started


def configured(upstream: FakeUpstream, tmp_path) -> Config:
    file = tmp_path / "isthmus.toml"
    file.write_text(
        f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{upstream.url}"]\n'
        'api_key = "env:K"\n[models.only-main]\n'
        'targets = [{ upstream = "main", model = "claude-sonnet-4-6" }]\n'
    )
    return load(file, {"K": "sk-upstream"})


async def test_answers_are_the_same(upstream, tmp_path):
    app = application(configured(upstream, tmp_path), KeyRing({"me": KEY}))
    upstream.will(whole(make.message(make.text("Hi."))))
    async with aclosing(app):
        start, body = await call(app, {**HELLO, "max_tokens": 9}, asyncio.Event())
    assert start["status"] == 200
    assert json.loads(body["body"])["choices"][0]["message"]["content"] == "Hi."


async def test_client_that_leaves_cancels_the_upstream_call(upstream, tmp_path):
    app = application(configured(upstream, tmp_path), KeyRing({"me": KEY}))
    upstream.will([STALL])
    leave = asyncio.Event()
    async with aclosing(app), asyncio.TaskGroup() as group:
        calling = group.create_task(call(app, {**HELLO, "max_tokens": 9}, leave))
        (received,) = await asyncio.to_thread(upstream.wait_for, 1)
        leave.set()
        assert await asyncio.to_thread(received.gone.wait, 5)
        assert await calling == []


async def test_broken_stream_is_never_completed(upstream, tmp_path):
    app = application(configured(upstream, tmp_path), KeyRing({"me": KEY}))
    upstream.will(events(make.stream(make.message(make.text("Hello.")))[:5]))
    async with aclosing(app):
        sent = await call(app, {**HELLO, "stream": True}, asyncio.Event())
    assert all(message.get("more_body", True) for message in sent)
