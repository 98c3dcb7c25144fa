"""Canaries: secrets that would be recognised anywhere, and everything that can go wrong.

None may come out again: not in an answer, not in the log, not in the metrics.
"""

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Generator

import pytest

from factories import messages as make
from factories.client import HELLO, Answer, ask, call, stream
from factories.fake_upstream import CLOSE, FakeUpstream, error, event, events, head, raw
from factories.gateway import Gateway, free_port, running

CALLER = "canary-of-the-caller-7d1f"
UPSTREAM = "canary-of-the-upstream-93ab"
WRONG = "canary-of-a-stranger-55c0"
PROXY = "canary-of-a-proxy-e2f4"
BASIC = b64encode(f"me:{PROXY}".encode()).decode()
CANARIES = [secret.encode() for secret in (CALLER, UPSTREAM, WRONG, PROXY, BASIC)]
EVENTS = make.stream(make.message(make.text("Hello.")))
SAYS = f"invalid x-api-key: {UPSTREAM}"

CONFIGURED = """
[upstreams.main]
kind = "anthropic"
base_urls = ["{url}"]
api_key = "env:UPSTREAM_KEY"

[upstreams.away]
kind = "anthropic"
base_urls = ["http://127.0.0.1:{nobody}"]
api_key = "env:UPSTREAM_KEY"

[upstreams.behind]
kind = "anthropic"
base_urls = ["{url}"]
api_key = "env:UPSTREAM_KEY"
proxy = "env:PROXY"

[models.behind]
targets = [{{ upstream = "behind", model = "claude-sonnet-4-6" }}]

[models.only-main]
targets = [{{ upstream = "main", model = "claude-sonnet-4-6" }}]

[models.away]
targets = [{{ upstream = "away", model = "claude-sonnet-4-6" }}]
"""


@pytest.fixture(scope="module")
def upstream() -> Generator[FakeUpstream]:
    with FakeUpstream(UPSTREAM) as fake:
        yield fake


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, upstream) -> Generator[Gateway]:
    rest = CONFIGURED.format(url=upstream.url, nobody=free_port())
    directory = tmp_path_factory.mktemp("secrets")
    behind = upstream.url.replace("://", f"://me:{PROXY}@")
    keys = {"ISTHMUS_TEST_KEY": CALLER, "UPSTREAM_KEY": UPSTREAM, "PROXY": behind}
    with running(directory, rest, **keys) as gateway:
        yield gateway
    assert not revealed(gateway.log.read_bytes())


def revealed(text: bytes) -> list[bytes]:
    return [canary for canary in CANARIES if canary in text]


def everything(answer: Answer) -> bytes:
    return json.dumps(answer.headers).encode() + answer.body


@pytest.mark.parametrize(
    "script",
    [
        *[error(s, "e", SAYS, x_echo=UPSTREAM) for s in (400, 401, 402, 403, 404, 429, 500, 529)],
        error(400, UPSTREAM, "No."),
        raw(SAYS.encode(), 500, "text/plain"),
        raw(SAYS.encode(), 400, "application/json"),
        raw(SAYS.encode(), 200, "text/html"),
        [head(200, "text/event-stream", content_length="99"), f"data: {SAYS}\n\n".encode(), CLOSE],
        events([{"type": "error", "error": {"type": "api_error", "message": SAYS}}]),
        events([*EVENTS[:5], {"type": "error", "error": {"type": "e", "message": SAYS}}]),
        [*events(EVENTS[:5], CLOSE)[:-1], event({"type": UPSTREAM}), CLOSE],
    ],
)
def test_upstream_that_repeats_the_key_does_not_reveal_it(gateway, upstream, script):
    for way in (ask, stream):
        upstream.will(list(script))
        answer = way(gateway)
        assert upstream.requests
        assert not revealed(everything(answer))


def test_what_is_masked_is_only_the_key(gateway, upstream):
    upstream.will(error(400, "invalid_request_error", f"{SAYS} is not liked"))
    assert ask(gateway).error["message"] == "invalid x-api-key: [redacted] is not liked"


def test_upstream_that_cannot_be_reached_reveals_nothing(gateway):
    answer = ask(gateway, {**HELLO, "model": "away"})
    assert answer.status == 502
    assert not revealed(everything(answer))


def test_proxy_that_refuses_reveals_nothing(gateway):
    # What it is told to connect through answers like an upstream: 404.
    answer = ask(gateway, {**HELLO, "model": "behind"})
    assert answer.status == 502
    assert "The proxy on the way" in answer.error["message"]
    assert not revealed(everything(answer))


def test_upstream_that_repeats_what_the_proxy_was_told_reveals_nothing(gateway, upstream):
    upstream.will(error(400, "invalid_request_error", f"{PROXY} {BASIC}"))
    assert not revealed(everything(ask(gateway)))


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {WRONG}"},
        {"authorization": WRONG},
        {"x_api_key": WRONG},
        {"authorization": "", "x_api_key": f"{WRONG}\t{WRONG}"},
        {"x_isthmus_strict": CALLER, "x_isthmus_explain": CALLER, "x_custom": CALLER},
        {"content_type": f"application/{CALLER}"},
        {"content_encoding": CALLER},
    ],
)
def test_key_in_a_header_does_not_come_back(gateway, upstream, headers):
    upstream.will(events(EVENTS))
    assert not revealed(everything(ask(gateway, **headers)))


@pytest.mark.parametrize(
    "body",
    [
        f'{{"model": "{CALLER}", '.encode(),
        f'{{"key": {CALLER}}}'.encode(),
        f'"{CALLER}"'.encode(),
        json.dumps({**HELLO, "temperature": CALLER}).encode(),
        json.dumps({**HELLO, "messages": CALLER}).encode(),
    ],
)
def test_key_in_a_body_that_is_wrong_does_not_come_back(gateway, body):
    answer = ask(gateway, body)
    assert answer.status == 400
    assert not revealed(everything(answer))


def test_key_in_a_path_does_not_reach_the_log(gateway):
    for path in (f"/{CALLER}", f"/v1/models/{CALLER}", f"/v1/models?key={CALLER}"):
        call(gateway, "GET", path)
    # The log is read when the gateway has ended.
    assert not revealed(call(gateway, "GET", "/livez").body)


def test_metrics_hold_no_secrets(gateway):
    answer = call(gateway.on_admin_port(), "GET", "/metrics")
    assert b"isthmus_requests_total" in answer.body
    assert not revealed(everything(answer))


@pytest.mark.parametrize(
    "text",
    [
        f'[upstreams.main]\nkind = "anthropic"\napi_key = "{UPSTREAM}"\n',
        f'[upstreams.main]\nkind = "anthropic"\napi_key = {UPSTREAM}\n',
        f'[upstreams.main]\nkind = "anthropic"\napi_key = ["{UPSTREAM}"]\n',
        f'[upstreams.main]\nkind = "sandbox"\n[keys.me]\nsecret = "{UPSTREAM}"\n',
    ],
)
def test_secret_written_into_the_file_is_not_shown_when_it_is_refused(tmp_path, text):
    file = tmp_path / "isthmus.toml"
    file.write_text(text)
    command = [sys.executable, "-m", "isthmus", "check", "--config", str(file)]
    ended = subprocess.run(command, capture_output=True, env={**os.environ}, check=False)
    assert ended.returncode == 2
    assert not revealed(ended.stdout + ended.stderr)
