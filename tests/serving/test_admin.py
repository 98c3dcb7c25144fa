"""The admin listener, as an operator and as a stranger's browser meet it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from factories import messages as make
from factories.client import ask, call, stream
from factories.fake_upstream import STALL, FakeUpstream, events
from factories.gateway import Gateway, configuration, free_port, running

SANDBOX = '[upstreams.box]\nkind = "sandbox"\n'
EVENTS = make.stream(make.message(make.text("Hello.")))


def sample(gateway: Gateway, start: str) -> float:
    """Scrape one series, named with its labels; 0 where it is not there yet."""
    answer = call(gateway.on_admin_port(), "GET", "/metrics", authorization="")
    lines = [line for line in answer.body.decode().splitlines() if line.startswith(start)]
    return float(lines[0].split()[-1]) if lines else 0


def becomes(gateway: Gateway, start: str, value: float) -> bool:
    """Wait for a value: a call ends a moment after its client has the whole answer."""
    deadline = time.monotonic() + 5
    while (found := sample(gateway, start)) != value and time.monotonic() < deadline:
        time.sleep(0.01)
    return found == value


def test_calls_are_counted_where_only_operators_look(gateway, primary):
    primary.will(events(EVENTS))
    series = 'isthmus_requests_total{ending="complete",endpoint="/v1/chat/completions",'
    series += 'model="only-main",status="200"}'
    before = sample(gateway, series)
    assert ask(gateway).status == 200
    assert becomes(gateway, series, before + 1)
    assert call(gateway, "GET", "/metrics").status == 404


def test_calls_under_way_are_counted(gateway, primary):
    primary.will(events(EVENTS[:5], STALL))
    series = 'isthmus_streams_ended_total{ending="failed"}'
    before = sample(gateway, series)
    asking = threading.Thread(target=lambda: stream(gateway))
    asking.start()
    primary.wait_for(1)
    assert sample(gateway, "isthmus_requests_in_flight") == 1
    asking.join(5)
    assert becomes(gateway, "isthmus_requests_in_flight", 0)
    assert sample(gateway, series) == before + 1


def test_metrics_have_the_type_that_scrapers_expect(gateway):
    answer = call(gateway.on_admin_port(), "GET", "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(answer.body)


@pytest.mark.parametrize("path", ["/livez", "/healthz", "/readyz", "/readyz/"])
def test_health_is_told(gateway, path):
    answer = call(gateway.on_admin_port(), "GET", path, authorization="")
    assert (answer.status, answer.document) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/metrics", "/livez"])
def test_head_is_answered_without_a_body(gateway, path):
    answer = call(gateway.on_admin_port(), "HEAD", path)
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/models", 404, "not_found"),
        ("POST", "/metrics", 405, "method_not_allowed"),
    ],
)
def test_anything_else_is_refused(gateway, method, path, status, code):
    answer = call(gateway.on_admin_port(), method, path)
    assert (answer.status, answer.error["code"]) == (status, code)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:1", 200),
        ("metrics.localhost", 200),
        ("127.0.0.1:99", 200),
        ("10.1.2.3", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:4101", 403),
        ("evillocalhost", 403),
    ],
)
def test_names_that_anybody_can_give_an_address_are_refused(gateway, host, status):
    answer = call(gateway.on_admin_port(), "GET", "/metrics", host=host)
    assert answer.status == status
    if status == 403:
        assert answer.error["code"] == "host_not_allowed"
        assert b"isthmus_" not in answer.body


def wait_until_closed(gateway: Gateway) -> None:
    """Return when the gateway takes no more connections."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            call(gateway, "GET", "/livez")
        except OSError:
            return
    raise AssertionError("it still takes connections")


def test_metrics_can_be_read_until_the_last_answer_has_ended(tmp_path):
    with FakeUpstream() as upstream:
        upstream.will(events(EVENTS[:5], STALL))
        rest = f'[upstreams.main]\nkind = "anthropic"\nbase_urls = ["{upstream.url}"]\n'
        with running(tmp_path, rest + 'api_key = "env:UPSTREAM_KEY"\n') as gateway:
            asking = threading.Thread(target=lambda: stream(gateway, model="claude-sonnet-4-6"))
            asking.start()
            upstream.wait_for(1)
            gateway.process.send_signal(signal.SIGINT)
            wait_until_closed(gateway)
            assert call(gateway.on_admin_port(), "GET", "/readyz").status == 503
            assert sample(gateway, "isthmus_requests_in_flight") == 1
            assert gateway.process.wait(5) == 0
            asking.join(5)


def serve(tmp_path, rest: str) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "isthmus.toml"
    config.write_text(configuration(free_port(), tmp_path / "state", rest + SANDBOX))
    command = [sys.executable, "-m", "isthmus", "serve", "--config", str(config)]
    environment = {**os.environ, "ISTHMUS_TEST_KEY": "k" * 20}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=10, check=False
    )


def test_configured_address_that_is_taken_ends_the_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = serve(tmp_path, f'[admin]\nlisten = "{where}"\n')
    assert ended.returncode == 2
    assert f"admin.listen: cannot listen on {where}" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("listen", ["4101", "[::1]", "127.0.0.1:70000", "[::g]:1", "a b:1", ":1"])
def test_address_that_is_none_is_told_with_its_line(tmp_path, listen):
    ended = serve(tmp_path, f'[admin]\nlisten = "{listen}"\n')
    assert ended.returncode == 2
    assert "isthmus.toml" in ended.stderr
    assert "admin.listen" in ended.stderr


def listening(tmp_path, rest: str) -> str:
    """Start a gateway, and return the metrics' address that it prints; empty for none."""
    with running(tmp_path, f"{rest}\n{SANDBOX}") as gateway:
        lines = gateway.logged().splitlines()
        (url,) = [line.split()[-1] for line in lines if "Metrics" in line] or [""]
        if url:
            where = urlsplit(url)
            listener = replace(gateway, host=where.hostname, port=where.port)
            assert b"isthmus_build_info" in call(listener, "GET", where.path).body
        return url


def test_ipv6_address_can_be_configured(tmp_path):
    port = free_port()
    url = listening(tmp_path, f'[admin]\nlisten = "[::1]:{port}"')
    assert url == f"http://[::1]:{port}/metrics"


def test_any_free_port_can_be_asked_for(tmp_path):
    url = listening(tmp_path, '[admin]\nlisten = "0.0.0.0:0"')
    assert url.startswith("http://127.0.0.1:")


def test_listener_can_be_switched_off(tmp_path):
    assert not listening(tmp_path, "[admin]\nlisten = false")
