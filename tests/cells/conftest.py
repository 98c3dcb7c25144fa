"""One gateway in front of both kinds of upstream, each with a model of its own."""

from collections.abc import Generator

import pytest

from factories.fake_chat import FakeChat, table
from factories.fake_upstream import FakeUpstream
from factories.gateway import Gateway, running, upstream_table

MODELS = """
[models.over-messages]
targets = [{ upstream = "claude", model = "claude-sonnet-4-6" }]

[models.over-chat]
targets = [{ upstream = "vendor", model = "vendor-1" }]
capabilities.thinking = ["adaptive", "disabled"]
"""


@pytest.fixture(scope="session")
def upstreams() -> Generator[dict[str, FakeUpstream]]:
    with FakeUpstream() as claude, FakeChat() as vendor:
        yield {"messages": claude, "chat": vendor}


@pytest.fixture(scope="session")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, upstreams: dict[str, FakeUpstream]
) -> Generator[Gateway]:
    claude, vendor = upstreams["messages"], upstreams["chat"]
    rest = upstream_table("claude", claude.url) + table("vendor", vendor.url, vendor="deepseek")
    with running(tmp_path_factory.mktemp("cells"), rest + MODELS) as started:
        yield started
