"""How the server starts and ends, as an operator sees it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from factories import messages as make
from factories.bare_server import read_to_end, serving
from factories.client import Answer, call, stream
from factories.fake_upstream import PAUSE, STALL, FakeUpstream, event, events
from factories.gateway import Gateway, configuration, free_port, running

EVENTS = make.stream(make.message(make.text("Hello.")))


@pytest.fixture
def upstream() -> Generator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


def to(upstream: FakeUpstream) -> str:
    return f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{upstream.url}"]\n' + (
        'api_key = "env:UPSTREAM_KEY"\n'
    )


def in_background(gateway: Gateway) -> tuple[threading.Thread, list[Answer]]:
    answers: list[Answer] = []
    asking = threading.Thread(
        target=lambda: answers.append(stream(gateway, model="claude-sonnet-4-6"))
    )
    asking.start()
    return asking, answers


def test_running_stream_is_finished_before_the_end(upstream, tmp_path):
    upstream.will([*events(EVENTS[:5], *[PAUSE] * 10), *map(event, EVENTS[5:]), b"0\r\n\r\n"])
    with running(tmp_path, to(upstream)) as gateway:
        asking, answers = in_background(gateway)
        upstream.wait_for(1)
        gateway.process.terminate()
        asking.join(10)
        assert gateway.process.wait(5) == 0
    assert (answers[0].text, answers[0].done) == ("Hello.", True)


def test_interrupt_ends_streams_truthfully_and_within_two_seconds(upstream, tmp_path):
    upstream.will(events(EVENTS[:5], STALL))
    with running(tmp_path, to(upstream)) as gateway:
        asking, answers = in_background(gateway)
        upstream.wait_for(1)
        started = time.monotonic()
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.process.wait(5) == 0
        assert time.monotonic() - started < 4
        asking.join(5)
    assert (answers[0].done, answers[0].cut) == (False, True)
    assert answers[0].data[-1]["error"]["code"] == "server_draining"
    assert "Traceback" not in gateway.logged()


def test_second_interrupt_ends_at_once(upstream, tmp_path):
    upstream.will([STALL])
    with running(tmp_path, to(upstream)) as gateway:
        asking, _ = in_background(gateway)
        (received,) = upstream.wait_for(1)
        started = time.monotonic()
        gateway.process.send_signal(signal.SIGINT)
        assert not received.gone.wait(0.2)
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.process.wait(5) == 0
        assert time.monotonic() - started < 1.5
        asking.join(5)


def test_draining_is_told_while_calls_are_still_taken(tmp_path):
    with running(
        tmp_path, '[upstreams.box]\nkind = "sandbox"\n', server="drain_delay = 1"
    ) as gateway:
        gateway.process.terminate()
        deadline = time.monotonic() + 0.8
        while call(gateway, "GET", "/readyz").status == 200:
            assert time.monotonic() < deadline
        assert call(gateway, "GET", "/readyz").document == {"status": "draining"}
        assert call(gateway, "GET", "/livez").status == 200
        assert gateway.process.wait(5) == 0


def serve(tmp_path: Path, port: int) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "isthmus.toml"
    config.write_text(configuration(port, tmp_path / "state2", '[upstreams.x]\nkind="sandbox"'))
    command = [sys.executable, "-m", "isthmus", "serve", "--config", str(config)]
    environment = {**os.environ, "ISTHMUS_TEST_KEY": "k" * 20}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=10, check=False
    )


def test_taken_port_is_one_clear_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = serve(tmp_path, taken.getsockname()[1])
    assert ended.returncode == 2
    assert "cannot listen on 127.0.0.1" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_second_server_on_one_state_directory_is_refused(tmp_path):
    with running(tmp_path, '[upstreams.box]\nkind = "sandbox"\n'):
        (tmp_path / "state2").symlink_to(tmp_path / "state")
        ended = serve(tmp_path, free_port())
    assert ended.returncode == 2
    assert "another gateway is using" in ended.stderr


HANG = b"GET /hang HTTP/1.1\r\nhost: a\r\n\r\n"


def test_failing_start_is_told_without_a_trace():
    with serving("broken") as server:
        assert server.process.wait(10) not in (0, None)
        said = server.log.read_text()
    assert "there is no database" in said
    assert "Traceback" not in said


def test_literal_addresses_of_ipv6_can_be_listened_on():
    with serving(host="::1") as server:
        answer = server.ask(b"GET /echo HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


def test_second_termination_shortens_the_patience_and_breaks_off_the_rest():
    with serving("hurried") as server, server.connect(HANG) as connection:
        server.wait_for("called /hang")
        for _ in range(2):
            server.process.terminate()
            server.wait_for("draining True")
        server.wait_for("ended /hang")
        assert read_to_end(connection) == b""
        assert server.process.wait(5) == 0
        assert "unfinished" in server.log.read_text()


def test_idle_connections_do_not_hold_up_the_end():
    request = b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
    with serving() as server, server.connect(request) as connection:
        while not connection.recv(65536).endswith(b"|"):  # one not yet accepted would be reset
            continue
        server.process.terminate()
        assert read_to_end(connection) == b""
        assert server.process.wait(5) == 0


def test_answers_given_while_stopping_close_their_connection():
    with (
        serving() as server,
        server.connect(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n") as connection,
    ):
        server.wait_for("called /stream")
        server.process.terminate()
        assert read_to_end(connection).endswith(b"last\r\n0\r\n\r\n")
        assert server.process.wait(5) == 0


def test_last_words_of_a_call_that_is_broken_off_are_recorded(upstream, tmp_path):
    upstream.will([STALL])
    with running(tmp_path, to(upstream)) as gateway:
        asking, answers = in_background(gateway)
        upstream.wait_for(1)
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.process.wait(5) == 0
        asking.join(5)
    assert answers[0].status == 503
    assert gateway.logged().count("ending=failed") == 1
