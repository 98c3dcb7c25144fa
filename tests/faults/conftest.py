"""A gateway of its own for every fault, since it remembers what upstreams did."""

from collections.abc import Callable, Generator
from contextlib import ExitStack

import pytest

from factories.fake_upstream import FakeUpstream
from factories.gateway import Gateway, running, upstream_table


@pytest.fixture
def primary() -> Generator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture
def backup() -> Generator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


#: Starts a gateway over these base URLs, tried in this order.
Start = Callable[..., Gateway]


@pytest.fixture
def start(tmp_path) -> Generator[Start]:
    with ExitStack() as stack:

        def started(*urls: str, server: str = "", workers: int = 1, rest: str = "") -> Gateway:
            text = upstream_table("main", *urls) + rest
            return stack.enter_context(running(tmp_path, text, server=server, workers=workers))

        yield started


@pytest.fixture
def pair(start: Start, primary: FakeUpstream, backup: FakeUpstream) -> Gateway:
    """A gateway with a primary and a backup."""
    return start(primary.url, backup.url)
