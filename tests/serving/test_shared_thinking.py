"""Whichever process answers puts back the thinking that a client did not bring."""

import asyncio
import json
import time
from contextlib import aclosing, closing

import pytest

from factories import messages as make
from factories.asgi import KEY, call
from factories.fake_upstream import FakeUpstream, events
from isthmus.access.keys import KeyRing
from isthmus.config import load
from isthmus.gateway import Keeping, application
from isthmus.storage.secrets import Secrets
from isthmus.storage.shared_stash import SharedStash

pytestmark = pytest.mark.anyio
THINKING = {"max_tokens": 3000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
ASKED = [{"role": "user", "content": "Hi."}]


async def ask(folder, url: str, messages: list[dict]) -> str:
    """Ask a gateway that knows nothing but what is in ``folder``; return the answer's text."""
    (folder / "isthmus.toml").write_text(
        f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{url}"]\napi_key = "env:K"\n'
    )
    document = {"model": "claude-sonnet-4-6", "messages": messages, **THINKING}
    config = load(folder / "isthmus.toml", {"K": "sk-upstream"})
    with closing(SharedStash(folder, Secrets([b"s" * 32]), time.time)) as stash:
        async with aclosing(
            application(config, KeyRing({"me": KEY}), keeping=Keeping(stash=stash))
        ) as app:
            start, body = await call(app, document, asyncio.Event())
    assert start["status"] == 200
    return json.loads(body["body"])["choices"][0]["message"]["content"]


async def test_thinking_that_one_process_saw_is_put_back_by_another(tmp_path):
    with FakeUpstream() as upstream:
        thought = make.thinking("Hm.", "c2ln")
        answers = [(thought, make.text("Hello.")), (make.text("Bye."),)]
        upstream.will(*(events(make.stream(make.message(*blocks))) for blocks in answers))
        answer = {"role": "assistant", "content": await ask(tmp_path, upstream.url, ASKED)}
        await ask(tmp_path, upstream.url, [*ASKED, answer, {"role": "user", "content": "Go."}])
        continued = upstream.requests[1].document["messages"]
    assert continued[1]["content"] == [thought, {"type": "text", "text": "Hello."}]
