"""A gateway between a test and two upstreams that do what the test says."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack

import pytest

from factories.fake_upstream import FakeUpstream
from factories.gateway import Gateway, running

#: Short enough to wait for, long enough for a busy machine.
TIMEOUTS = "{ connect = 2, first_byte = 1, first_content = 1.5, stall = 0.6, total = 20 }"


@pytest.fixture(scope="session")
def upstreams() -> Generator[tuple[FakeUpstream, FakeUpstream]]:
    with FakeUpstream() as primary, FakeUpstream() as backup:
        yield primary, backup


class Started:
    """The gateway that tests share until one of them gives it a bad opinion of its upstreams."""

    def __init__(self, make: Callable[[], AbstractContextManager[Gateway]]) -> None:
        self._make = make
        self._stack = ExitStack()
        self._gateway: Gateway | None = None

    def fresh(self, *upstreams: FakeUpstream) -> Gateway:
        if self._gateway is None or any(upstream.hurt for upstream in upstreams):
            self.stop()
            self._gateway = self._stack.enter_context(self._make())
        for upstream in upstreams:
            upstream.hurt = False
        return self._gateway

    def stop(self) -> None:
        self._stack.close()
        self._gateway = None


@pytest.fixture(scope="session")
def started(
    tmp_path_factory: pytest.TempPathFactory, upstreams: tuple[FakeUpstream, FakeUpstream]
) -> Generator[Started]:
    primary, backup = upstreams
    rest = configured(primary.url, backup.url)
    shared = Started(lambda: running(tmp_path_factory.mktemp("serving"), rest))
    yield shared
    shared.stop()


def configured(primary: str, backup: str) -> str:
    return f"""
[upstreams.main]
kind = "anthropic"
base_urls = ["{primary}", "{backup}/v1/"]
api_key = "env:UPSTREAM_KEY"
timeouts = {TIMEOUTS}

[upstreams.other]
kind = "anthropic"
base_urls = ["{backup}"]
api_key = "env:UPSTREAM_KEY"
timeouts = {TIMEOUTS}

[models.only-main]
targets = [{{ upstream = "main", model = "claude-sonnet-4-6" }}]

[models.thinker]
targets = [{{ upstream = "main", model = "claude-opus-5-5" }}]

[models."mine/two.targets"]
targets = [
    {{ upstream = "main", model = "claude-sonnet-4-6" }},
    {{ upstream = "other", model = "claude-opus-5-5" }},
]
"""


@pytest.fixture
def gateway(started: Started, upstreams: tuple[FakeUpstream, FakeUpstream]) -> Gateway:
    for upstream in upstreams:
        upstream.will()
    return started.fresh(*upstreams)


@pytest.fixture
def primary(gateway: Gateway, upstreams: tuple[FakeUpstream, FakeUpstream]) -> FakeUpstream:
    return upstreams[0]


@pytest.fixture
def backup(gateway: Gateway, upstreams: tuple[FakeUpstream, FakeUpstream]) -> FakeUpstream:
    return upstreams[1]
