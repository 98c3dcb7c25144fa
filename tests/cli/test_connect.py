"""``isthmus connect``: what is printed is what the pages show, and it works."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from factories.gateway import running
from isthmus.cli.connect import Connection, clients

PAGES = Path(__file__).parents[2] / "docs" / "clients"
SHOWN = Connection(root="http://127.0.0.1:4100", key="isk-...", model="claude-sonnet-4-6")
SANDBOX = '[upstreams.box]\nkind = "sandbox"\n'


@pytest.fixture
def connect(tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "HOME": str(tmp_path), "ISTHMUS_STATE": str(tmp_path / "s")}
        command = [sys.executable, "-m", "isthmus", "connect", *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=20, check=False
        )

    return run


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("connect"), SANDBOX) as started:
        yield started


@pytest.mark.parametrize("language", ["", ".zh-CN"])
@pytest.mark.parametrize("name", clients())
def test_page_shows_what_is_printed(name, language):
    client = clients()[name]
    page = (PAGES / client.page.replace(".md", f"{language}.md")).read_text()
    assert f"isthmus connect {name}" in page
    assert SHOWN.filled(client.text) in page


def test_pages_are_in_both_languages_and_listed():
    english = {page.name for page in PAGES.glob("*.md") if not page.name.endswith(".zh-CN.md")}
    for name in english:
        chinese = name.replace(".md", ".zh-CN.md")
        assert (PAGES / chinese).is_file()
        if name != "README.md":
            assert f"({name})" in (PAGES / "README.md").read_text()
            assert f"({chinese})" in (PAGES / "README.zh-CN.md").read_text()


def test_programs_are_listed(connect):
    lines = connect().stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(clients())
    assert [one["client"] for one in json.loads(connect("--json").stdout)] == list(clients())


def test_curl_line_works_as_it_is_printed(connect, gateway):
    printed = connect("curl", "--url", gateway.base_url, "--key", gateway.key)
    assert printed.stderr == ""
    answer = subprocess.run(
        ["sh", "-c", printed.stdout.replace("curl ", "curl -s ", 1)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert json.loads(answer.stdout)["object"] == "chat.completion"


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_python_program_works_as_it_is_printed(connect, gateway, name):
    text = connect(name, "--url", gateway.base_url, "--key", gateway.key).stdout
    names = dict(re.findall(r"^export (\w+)=(\S+)$", text, re.MULTILINE))
    program = text.partition("# Python\n")[2].partition("// TypeScript")[0]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **names},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_key_that_is_not_taken_and_gateway_that_is_not_there_are_told(connect, gateway):
    assert (
        "does not take this key (401)"
        in connect("curl", "--url", gateway.base_url, "--key", "x").stderr
    )
    nobody = connect("curl", "--url", "http://127.0.0.1:9", "--key", "x")
    assert (nobody.returncode, "Nothing answers" in nobody.stderr) == (0, True)
    assert "YOUR_KEY stands for" in connect("curl", "--url", gateway.base_url).stderr


def test_file_is_set_up_once_and_the_key_is_not_shown(connect, gateway, tmp_path):
    file = tmp_path / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text('{"model": "opus"}')
    given = ("--write", "--url", gateway.base_url, "--key", gateway.key)
    first, second = connect("claude-code", *given), connect("claude-code", *given)
    assert gateway.key not in first.stdout
    settings = json.loads(file.read_text())
    assert (settings["model"], settings["env"]["ANTHROPIC_AUTH_TOKEN"]) == ("opus", gateway.key)
    assert "set up already" in second.stdout


def test_broken_file_is_left_as_it_is(connect, tmp_path):
    file = tmp_path / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text("{ broken")
    ended = connect("claude-code", "--write", "--key", "x")
    assert (ended.returncode, file.read_text()) == (1, "{ broken")
    assert "left as it is" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("nobody",), "is none of"),
        (("openai", "--write"), "no file that could be written"),
        (("claude-code", "--write", "--url", "http://a"), "give one with --key"),
    ],
)
def test_wrong_use_is_told(connect, arguments, why):
    ended = connect(*arguments)
    assert (ended.returncode, why in ended.stderr) == (2, True)
