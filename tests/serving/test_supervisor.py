"""Several workers behind one socket: none takes another with it, and nobody is refused."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from factories import messages as make
from factories.client import Answer, ask, call, stream
from factories.fake_upstream import PAUSE, FakeUpstream, event, events, whole
from factories.gateway import Gateway, running

GOOD = make.message(make.text("Hello."))
EVENTS = make.stream(GOOD)
ASKED = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Hi"}],
}


def slow(pauses: int) -> list:
    return [*events(EVENTS[:5], *[PAUSE] * pauses), *map(event, EVENTS[5:]), b"0\r\n\r\n"]


@pytest.fixture
def upstream() -> Generator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture
def pair(tmp_path, upstream) -> Generator[Gateway]:
    """Two workers."""
    rest = (
        f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{upstream.url}"]\n'
        'api_key = "env:UPSTREAM_KEY"\n'
    )
    with running(tmp_path, rest, workers=2) as gateway:
        until(lambda: len(workers(gateway)) == 2)
        yield gateway


def workers(gateway: Gateway) -> set[int]:
    """Find the children of the supervisor that run."""
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children")
    return {int(pid) for pid in children.read_text().split() if runs(int(pid))}


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(true: Callable[[], bool], seconds: float = 15) -> float:
    """Wait; return how long it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


@contextmanager
def streaming(gateway: Gateway, upstream: FakeUpstream, count: int) -> Generator[list[Future]]:
    """Have streams under way that end after the block."""
    upstream.will(*[slow(24)] * count)
    with ThreadPoolExecutor(count) as threads:
        asked = [threads.submit(stream, gateway, model="claude-sonnet-4-6") for _ in range(count)]
        upstream.wait_for(count)
        yield asked


def ends(answers: list[Future[Answer]]) -> list[tuple[bool, bool]]:
    """Say of each answer whether it is complete, and whether it was cut off."""
    return [
        (False, True)
        if isinstance(answer.exception(), OSError)
        else (answer.result().done, answer.result().cut)
        for answer in answers
    ]


@contextmanager
def knocking(gateway: Gateway) -> Generator[list[str]]:
    """Ask on new connections all the while; gives what went wrong."""
    wrong: list[str] = []
    over = threading.Event()

    def knock() -> None:
        while not over.is_set():
            try:
                status = call(gateway, "GET", "/livez").status
                wrong.extend([] if status == 200 else [str(status)])
            except OSError as error:
                wrong.append(repr(error))

    threads = [threading.Thread(target=knock) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        over.set()
        for thread in threads:
            thread.join(10)


def test_killed_worker_is_replaced_at_once_and_takes_nobody_with_it(pair, upstream):
    with knocking(pair) as wrong, streaming(pair, upstream, 8) as answers:
        before = workers(pair)
        os.kill(min(before), signal.SIGKILL)
        assert until(lambda: len(workers(pair)) == 2) < 1
        after = workers(pair)
    # Those of the killed one are cut off, and look it; knocking clients may have been with it.
    assert set(ends(answers)) <= {(True, False), (False, True)}
    assert max(before) in after
    assert not [what for what in wrong if "Refused" in what]


def test_worker_told_to_leave_finishes_while_another_starts(pair, upstream):
    with knocking(pair) as wrong, streaming(pair, upstream, 8) as answers:
        leaving = min(workers(pair))
        os.kill(leaving, signal.SIGTERM)
        until(lambda: len(workers(pair) - {leaving}) == 2)
    until(lambda: leaving not in workers(pair))
    assert set(ends(answers)) == {(True, False)}
    assert wrong == []


def test_rolling_restart_breaks_off_and_refuses_nothing(pair, upstream):
    with knocking(pair) as wrong, streaming(pair, upstream, 8) as answers:
        before = workers(pair)
        pair.process.send_signal(signal.SIGUSR2)
        until(lambda: len(workers(pair) - before) == 2)
    until(lambda: not workers(pair) & before)
    assert set(ends(answers)) == {(True, False)}
    assert wrong == []


def test_five_rolling_restarts_in_a_row_lose_no_connection(pair):
    with knocking(pair) as wrong:
        for _ in range(5):
            before = workers(pair)
            pair.process.send_signal(signal.SIGUSR2)
            until(lambda before=before: not workers(pair) & before)
            until(lambda: len(workers(pair)) == 2)
    assert wrong == []


def test_end_lets_streams_finish_and_leaves_nothing_behind(pair, upstream):
    with streaming(pair, upstream, 4) as answers:
        before = workers(pair)
        pair.process.terminate()
    assert pair.process.wait(15) == 0
    assert set(ends(answers)) == {(True, False)}
    assert not any(map(runs, before))


def test_interrupt_of_the_whole_group_gives_answers_two_seconds(tmp_path, upstream):
    upstream.will(slow(400))
    with streaming_group(tmp_path, upstream) as (gateway, answer):
        began = time.monotonic()
        for pid in (gateway.process.pid, *workers(gateway)):  # as a terminal does
            os.kill(pid, signal.SIGINT)
        assert gateway.process.wait(10) == 0
        assert 1.5 < time.monotonic() - began < 6
    assert (answer.result().done, answer.result().cut) == (False, True)


@contextmanager
def streaming_group(
    tmp_path: Path, upstream: FakeUpstream
) -> Generator[tuple[Gateway, Future[Answer]]]:
    rest = (
        f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{upstream.url}"]\n'
        'api_key = "env:UPSTREAM_KEY"\n'
    )
    with running(tmp_path, rest, workers=2) as gateway, ThreadPoolExecutor(1) as threads:
        until(lambda: len(workers(gateway)) == 2)
        answer = threads.submit(stream, gateway, model="claude-sonnet-4-6")
        upstream.wait_for(1)
        yield gateway, answer


def test_workers_of_a_killed_supervisor_finish_and_end(pair, upstream):
    with streaming(pair, upstream, 4) as answers:
        before = workers(pair)
        pair.process.kill()
    assert set(ends(answers)) == {(True, False)}
    until(lambda: not any(map(runs, before)))


def test_changed_configuration_reaches_every_worker(pair, upstream, tmp_path):
    upstream.otherwise = lambda _: whole(GOOD)
    file = tmp_path / "isthmus.toml"
    file.write_text(file.read_text() + '[aliases]\n"mine" = "claude-sonnet-4-6"\n')
    pair.process.send_signal(signal.SIGHUP)
    until(lambda: {ask(pair, {**ASKED, "model": "mine"}).status for _ in range(20)} == {200})


def test_workers_remember_thinking_together(pair, upstream):
    thought = make.message(make.thinking("Hm.", "sig"), make.text("Hello."))
    upstream.otherwise = lambda _: events(make.stream(thought))
    model = "claude-opus-5-5"
    asked = [{"role": "user", "content": "Hi"}]
    assert ask(pair, {"model": model, "messages": asked}).status == 200
    said = [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "And?"}]
    for _ in range(8):  # whichever worker it comes to
        assert ask(pair, {"model": model, "messages": asked + said}).status == 200
        brought_back = upstream.requests[-1].document["messages"][1]["content"]
        assert [block["type"] for block in brought_back] == ["thinking", "text"]


def test_worker_that_dies_again_and_again_is_given_more_and_more_time(pair):
    for pause in ("0.0", "0.5", "1.0"):
        until(lambda: len(workers(pair)) == 2)
        os.kill(max(workers(pair)), signal.SIGKILL)
        until(lambda pause=pause: f"another starts in {pause} s" in pair.logged())


def test_configuration_that_workers_cannot_use_ends_it_all(tmp_path):
    with socket.create_server(("127.0.0.1", 0)):
        rest = '[upstreams.box]\nkind = "sandbox"\n[aliases]\n"a" = "b"\n"b" = "a"\n'
        with (
            pytest.raises(RuntimeError, match="did not start"),
            running(tmp_path, rest, workers=2),
        ):
            pass
