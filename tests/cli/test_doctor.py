"""What is said about upstreams that are well, and about those that are not."""

import json
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import pytest

from factories import messages as make
from factories.completions import completion
from factories.fake_chat import FakeChat
from factories.fake_chat import table as chat_table
from factories.fake_upstream import FakeUpstream, error, raw, whole
from factories.gateway import free_port

GOOD = make.message(make.text("Hello."))
ACTIVE = ["claude-opus-5-5", "claude-haiku-5-5"]


@dataclass
class Said:
    code: int
    text: str

    @property
    def document(self):
        return json.loads(self.text)


@pytest.fixture
def upstream() -> Generator[FakeUpstream]:
    with FakeUpstream() as fake:
        fake.listing = ACTIVE
        yield fake


def table(name: str, *urls: str, key: str = "env:UPSTREAM_KEY") -> str:
    return f'[upstreams.{name}]\nkind = "anthropic"\nbase_urls = {list(urls)}\napi_key = "{key}"\n'


def doctor(directory: Path, text: str, *options: str) -> Said:
    file = directory / "isthmus.toml"
    file.write_text(text)
    environment = {"UPSTREAM_KEY": "sk-upstream", "WRONG_KEY": "sk-wrong", "PATH": ""}
    command = [sys.executable, "-m", "isthmus", "doctor", "--config", str(file), *options]
    done = subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert "sk-upstream" not in done.stdout + done.stderr
    assert "sk-wrong" not in done.stdout + done.stderr
    return Said(done.returncode, done.stdout + done.stderr)


def route(said: Said, number: int = 0) -> dict:
    return said.document["routes"][number]


def test_upstream_that_is_well_is_asked_for_one_token_of_its_cheapest_model(tmp_path, upstream):
    upstream.will(whole(GOOD))
    said = doctor(tmp_path, table("main", upstream.url), "--json")
    assert said.code == 0
    assert (route(said)["reachable"], route(said)["authenticated"]) == (True, True)
    assert (route(said)["asked"], route(said)["answers"]) == ("claude-haiku-5-5", True)
    (_, asked) = upstream.requests
    assert (asked.document["max_tokens"], asked.document["model"]) == (1, "claude-haiku-5-5")


def test_upstream_that_speaks_chat_is_asked_in_its_own_words(tmp_path):
    text = '[models.m-1]\ntargets = [{ upstream = "vendor", model = "vendor-1" }]\n'
    with FakeChat() as vendor:
        vendor.listing = ["vendor-1", "vendor-2"]
        vendor.will(whole(completion("H")))
        said = doctor(tmp_path, chat_table("vendor", vendor.url) + text, "--json")
        (listed, asked) = vendor.requests
    assert (said.code, route(said)["answers"], route(said)["authenticated"]) == (0, True, True)
    assert listed.path == "GET /v1/models HTTP/1.1"
    assert (asked.document["model"], asked.document["max_tokens"]) == ("vendor-1", 1)


def test_every_base_url_and_credential_is_tried_and_one_that_fails_fails_the_whole(
    tmp_path, upstream
):
    upstream.otherwise = lambda _: whole(GOOD)
    dead = f"http://127.0.0.1:{free_port()}"
    text = table("main", upstream.url, dead).replace(
        'api_key = "env:UPSTREAM_KEY"',
        'api_keys = [{ secret = "env:UPSTREAM_KEY" }, { secret = "env:WRONG_KEY" }]',
    )
    said = doctor(tmp_path, text, "--json")
    assert said.code == 1
    found = [
        (one["reachable"], one["authenticated"], one["answers"]) for one in said.document["routes"]
    ]
    assert found == [
        (True, True, True),
        (False, None, False),
        (True, False, False),
        (False, None, False),
    ]


SICK = {
    "no money": (error(402, "billing_error", "credit"), "402 billing_error: credit"),
    "forbidden": (error(403, "permission_error", "not yours"), "403 permission_error"),
    "overloaded": (error(529, "overloaded_error"), "529 overloaded_error"),
    "a web page": (raw(b"<html>", 200, "text/html"), "what it answers is no message"),
}


@pytest.mark.parametrize("name", SICK)
def test_what_is_wrong_is_said_in_a_line(tmp_path, upstream, name):
    script, words = SICK[name]
    upstream.will(script)
    said = doctor(tmp_path, table("main", upstream.url))
    assert said.code == 1
    assert f"main, credential 1, {upstream.url}: {words}" in said.text
    assert "0 of 1 routes answer." in said.text


def test_upstream_that_lists_nothing_may_be_well(tmp_path, upstream):
    upstream.listing = None
    upstream.will(whole(GOOD))  # whatever is no message is a 404 there
    said = doctor(tmp_path, table("main", upstream.url))
    assert (said.code, "not listed" in said.text) == (0, True)


def test_models_that_only_one_side_knows_are_named(tmp_path, upstream):
    upstream.listing = ["claude-haiku-5-5", "claude-nova-9"]
    upstream.will(whole(GOOD))
    said = doctor(tmp_path, table("main", upstream.url))
    assert "does not know: claude-nova-9." in said.text
    assert "does not list" in said.text
    assert said.code == 0


def test_clock_that_is_wrong_is_told(tmp_path, upstream):
    upstream.date = formatdate(0, usegmt=True)
    upstream.will(whole(GOOD))
    assert "Check this machine's time." in doctor(tmp_path, table("main", upstream.url)).text


def test_one_upstream_may_be_tried_alone(tmp_path, upstream):
    upstream.will(whole(GOOD))
    dead = table("dead", f"http://127.0.0.1:{free_port()}")
    said = doctor(tmp_path, table("main", upstream.url) + dead, "--upstream", "main", "--json")
    assert (said.code, len(said.document["routes"])) == (0, 1)
    wrong = doctor(tmp_path, table("main", upstream.url), "--upstream", "mian")
    assert (wrong.code, "there is no upstream 'mian'" in wrong.text) == (2, True)


def test_sandbox_is_well(tmp_path):
    said = doctor(tmp_path, '[upstreams.box]\nkind = "sandbox"\n')
    assert (said.code, "1 of 1 routes answer." in said.text) == (0, True)
