"""A gateway in front of an upstream that speaks Chat Completions, and one that speaks Messages."""

from collections.abc import Generator
from contextlib import ExitStack

import pytest

from factories.fake_chat import FakeChat, table
from factories.fake_upstream import FakeUpstream
from factories.gateway import Gateway, running, upstream_table


class Shared:
    """What the tests of this folder share until one of them has hurt an upstream's name."""

    def __init__(self, folder: pytest.TempPathFactory) -> None:
        self._folder, self._stack, self._gateway = folder, ExitStack(), None
        self._upstreams = ExitStack()
        self.chat = self._upstreams.enter_context(FakeChat())
        self.claude = self._upstreams.enter_context(FakeUpstream())

    def gateway(self) -> Gateway:
        if self._gateway is None or self.chat.hurt or self.claude.hurt:
            self._stack.close()
            rest = configured(self.chat.url, self.claude.url)
            self._gateway = self._stack.enter_context(running(self._folder.mktemp("gw"), rest))
        self.chat.hurt = self.claude.hurt = False
        return self._gateway

    def close(self) -> None:
        self._stack.close()
        self._upstreams.close()


def configured(chat: str, claude: str) -> str:
    return f"""
{table("vendor", chat, vendor="deepseek")}
passthrough = ["/v1/embeddings", "/v1/completions"]
{upstream_table("claude", claude)}

[models.m-1]
targets = [{{ upstream = "vendor", model = "vendor-1" }}]

[models.m-1.capabilities]
thinking = ["adaptive", "disabled"]
efforts = ["low", "high"]
default_effort = "low"

[models.both]
targets = [
    {{ upstream = "claude", model = "claude-sonnet-4-6" }},
    {{ upstream = "vendor", model = "vendor-1" }},
]

[models.vendor-first]
targets = [
    {{ upstream = "vendor", model = "vendor-1" }},
    {{ upstream = "claude", model = "claude-sonnet-4-6" }},
]
"""


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shared]:
    started = Shared(tmp_path_factory)
    yield started
    started.close()


@pytest.fixture
def gateway(shared: Shared) -> Gateway:
    for upstream in (shared.chat, shared.claude):
        upstream.scripts.clear()
        upstream.requests.clear()
        upstream.otherwise = None
    return shared.gateway()


@pytest.fixture
def vendor(gateway: Gateway, shared: Shared) -> FakeChat:
    return shared.chat


@pytest.fixture
def claude(gateway: Gateway, shared: Shared) -> FakeUpstream:
    return shared.claude
