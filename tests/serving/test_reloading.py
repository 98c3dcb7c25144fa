"""A new configuration while calls are running."""

import os
import re
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from factories import messages as make
from factories.client import Answer, ask, stream
from factories.fake_upstream import PAUSE, FakeUpstream, event, events, whole
from factories.gateway import Gateway, running

GOOD = make.message(make.text("Hello."))
EVENTS = make.stream(GOOD)
ASKED = {"model": "mine", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def upstream() -> Generator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


def upstreams(*fakes: FakeUpstream, model: str = "claude-sonnet-4-6") -> str:
    tables = [
        f'[upstreams.u{number}]\nkind = "anthropic"\nbase_urls = ["{fake.url}"]\n'
        'api_key = "env:UPSTREAM_KEY"\n'
        for number, fake in enumerate(fakes)
    ]
    target = f'{{ upstream = "u{len(fakes) - 1}", model = "{model}" }}'
    return "".join(tables) + f"[models.mine]\ntargets = [{target}]\n"


def rewritten(file: Path, old: str, new: str) -> None:
    """Replace the file as an editor or a configuration manager does."""
    text = file.read_text()
    assert old in text
    fresh = file.with_suffix(".new")
    fresh.write_text(text.replace(old, new))
    fresh.rename(file)


@contextmanager
def told(gateway: Gateway, words: str) -> Generator[None]:
    """Wait after the block until the log says what it had not said before."""
    before = gateway.logged().count(words)
    yield
    deadline = time.monotonic() + 10
    while gateway.logged().count(words) == before:
        assert time.monotonic() < deadline, gateway.logged()
        time.sleep(0.02)


def hangup(gateway: Gateway) -> None:
    gateway.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("how", ["signal", "file alone"])
def test_changed_file_counts_without_a_restart(upstream, tmp_path, how):
    upstream.will(whole(GOOD), whole(GOOD))
    with running(tmp_path, upstreams(upstream)) as gateway:
        with told(gateway, "the configuration was read anew"):
            rewritten(tmp_path / "isthmus.toml", "claude-sonnet-4-6", "claude-haiku-4-5")
            if how == "signal":
                hangup(gateway)
        assert ask(gateway, ASKED).status == 200
    assert upstream.requests[0].document["model"] == "claude-haiku-4-5"


def test_file_behind_a_link_counts_when_the_link_is_moved(upstream, tmp_path):
    upstream.will(whole(GOOD))
    with running(tmp_path, upstreams(upstream)) as gateway:
        file, other = tmp_path / "isthmus.toml", tmp_path / "other.toml"
        other.write_text(file.read_text().replace("claude-sonnet-4-6", "claude-haiku-4-5"))
        link = tmp_path / "link"
        link.symlink_to(other)
        with told(gateway, "the configuration was read anew"):
            link.rename(file)
        assert ask(gateway, ASKED).status == 200
    assert upstream.requests[0].document["model"] == "claude-haiku-4-5"


BROKEN = {
    "syntax": ("targets = [", "targets = [[", r"isthmus.toml:\d+: "),
    "unknown setting": (
        "[models.mine]",
        "[models.mine]\nx = 1",
        r"isthmus.toml:\d+: models.mine.x",
    ),
    "missing variable": ("env:UPSTREAM_KEY", "env:NOT_THERE", r"isthmus.toml:\d+: .*NOT_THERE"),
    "wrong type": ("[models.mine]\ntargets = [", "[models.mine]\ntargets = 1 # [", "models.mine"),
    "no such upstream": ('upstream = "u0"', 'upstream = "u9"', "no upstream 'u9'"),
    "empty": (None, "", "at least one upstream"),
    "half a file": (None, "[upstreams.u0]\nkind = ", r"isthmus.toml:\d+: "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_changes_nothing_and_is_reported_by_its_line(upstream, tmp_path, name):
    old, new, complaint = BROKEN[name]
    upstream.will(whole(GOOD))
    file = tmp_path / "isthmus.toml"
    with running(tmp_path, upstreams(upstream)) as gateway:
        with told(gateway, "the configuration stays as it was"):
            file.write_text(new if old is None else file.read_text().replace(old, new))
            hangup(gateway)
        assert ask(gateway, ASKED).status == 200
        assert re.search(complaint, gateway.logged())


def test_deleted_file_changes_nothing(upstream, tmp_path):
    upstream.will(whole(GOOD))
    with running(tmp_path, upstreams(upstream)) as gateway:
        with told(gateway, "the configuration stays as it was"):
            (tmp_path / "isthmus.toml").unlink()
        assert ask(gateway, ASKED).status == 200


def test_stream_at_a_removed_upstream_is_finished(upstream, tmp_path):
    answers: list[Answer] = []
    upstream.will([*events(EVENTS[:5], *[PAUSE] * 12), *map(event, EVENTS[5:]), b"0\r\n\r\n"])
    with FakeUpstream() as other, running(tmp_path, upstreams(upstream)) as gateway:
        other.will(whole(GOOD))
        asking = threading.Thread(target=lambda: answers.append(stream(gateway, model="mine")))
        asking.start()
        upstream.wait_for(1)
        with told(gateway, "the configuration was read anew"):
            rewritten(tmp_path / "isthmus.toml", upstream.url, other.url)
            hangup(gateway)
        assert ask(gateway, ASKED).status == 200
        asking.join(10)
    assert (answers[0].text, answers[0].done) == ("Hello.", True)
    assert len(other.requests) == 1


def test_removed_key_opens_nothing_any_more(upstream, tmp_path):
    with running(tmp_path, upstreams(upstream)) as gateway:
        key = tmp_path / "key"
        key.write_text("another-key-0123456789")
        with told(gateway, "the configuration was read anew"):
            rewritten(tmp_path / "isthmus.toml", "env:ISTHMUS_TEST_KEY", f"file:{key}")
        assert ask(gateway, ASKED).status == 401
        assert ask(gateway, ASKED, authorization="Bearer another-key-0123456789").status != 401


def test_secret_in_a_file_counts_when_that_file_changes(upstream, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("old-secret")
    upstream.will(whole(GOOD))
    rest = upstreams(upstream).replace("env:UPSTREAM_KEY", f"file:{secret}")
    with running(tmp_path, rest) as gateway:
        with told(gateway, "the configuration was read anew"):
            secret.write_text("sk-upstream")
        assert ask(gateway, ASKED).status == 200


def test_setting_that_takes_a_restart_is_named(upstream, tmp_path):
    with running(tmp_path, upstreams(upstream)) as gateway:
        with told(gateway, "server.port takes effect at the next start"):
            rewritten(tmp_path / "isthmus.toml", f"port = {gateway.port}", "port = 1")
        assert ask(gateway, b"{").status == 400


def test_hundred_reloads_under_load_lose_no_call(upstream, tmp_path):
    upstream.otherwise = lambda document: whole(GOOD)
    statuses: list[int] = []
    with running(tmp_path, upstreams(upstream)) as gateway:
        done = threading.Event()

        def asking() -> None:
            while not done.is_set():
                statuses.append(ask(gateway, ASKED).status)

        threads = [threading.Thread(target=asking) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            os.kill(gateway.process.pid, signal.SIGHUP)
            time.sleep(0.01)
        done.set()
        for thread in threads:
            thread.join(10)
    assert set(statuses) == {200}
