"""A gateway between a test and two upstreams that do what the test says."""

from collections.abc import Generator

import pytest

from factories.fake_upstream import FakeUpstream
from factories.gateway import Gateway, running

#: Short enough to wait for, long enough for a busy machine.
TIMEOUTS = "{ connect = 2, first_byte = 1, first_content = 1.5, stall = 0.6, total = 20 }"


@pytest.fixture(scope="session")
def upstreams() -> Generator[tuple[FakeUpstream, FakeUpstream]]:
    with FakeUpstream() as primary, FakeUpstream() as backup:
        yield primary, backup


@pytest.fixture(scope="session")
def started(
    tmp_path_factory: pytest.TempPathFactory, upstreams: tuple[FakeUpstream, FakeUpstream]
) -> Generator[Gateway]:
    primary, backup = upstreams
    rest = f"""
[upstreams.main]
kind = "anthropic"
base_urls = ["{primary.url}", "{backup.url}/v1/"]
api_key = "env:UPSTREAM_KEY"
timeouts = {TIMEOUTS}

[upstreams.other]
kind = "anthropic"
base_urls = ["{backup.url}"]
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
    with running(tmp_path_factory.mktemp("serving"), rest) as gateway:
        yield gateway


@pytest.fixture
def primary(upstreams: tuple[FakeUpstream, FakeUpstream]) -> FakeUpstream:
    upstreams[0].will()
    return upstreams[0]


@pytest.fixture
def backup(upstreams: tuple[FakeUpstream, FakeUpstream]) -> FakeUpstream:
    upstreams[1].will()
    return upstreams[1]


@pytest.fixture
def gateway(started: Gateway, primary: FakeUpstream, backup: FakeUpstream) -> Gateway:
    return started
