"""What a call leaves behind when it is over: nothing that waits for the garbage collector."""

import asyncio
import gc
from collections.abc import Generator
from contextlib import aclosing

import pytest

from factories import messages as make
from factories.asgi import KEY, call
from factories.client import HELLO
from factories.fake_upstream import FakeUpstream, error, events, whole
from isthmus.access.keys import KeyRing
from isthmus.config import load
from isthmus.gateway import application
from isthmus.serving.chat_call import ChatCall

pytestmark = pytest.mark.anyio
BROKEN = make.stream(make.message(make.text("Hello.")))[:5]
CASES = {
    "an answer": ({}, whole(make.message(make.text("Hi.")))),
    "a stream": ({"stream": True}, events(make.stream(make.message(make.text("Hi."))))),
    "a refusal": ({}, error(400, "invalid_request_error")),
    "a stream that breaks": ({"stream": True}, events(BROKEN)),
}


@pytest.fixture
def uncollected() -> Generator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("uncollected")
async def test_a_call_is_gone_when_it_is_over(case, tmp_path):
    more, script = CASES[case]
    with FakeUpstream() as upstream:
        upstream.will(script)
        file = tmp_path / "isthmus.toml"
        file.write_text(
            f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{upstream.url}"]\n'
            'api_key = "env:K"\n'
        )
        app = application(load(file, {"K": "sk-upstream"}), KeyRing({"me": KEY}))
        async with aclosing(app):
            await call(app, {**HELLO, "max_tokens": 9, **more}, asyncio.Event())
            await asyncio.sleep(0)
            assert [each for each in gc.get_objects() if isinstance(each, ChatCall)] == []
