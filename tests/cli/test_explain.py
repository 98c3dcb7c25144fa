"""``isthmus explain``, as a person or a script runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HELLO = {"model": "claude-3.7-sonnet", "messages": [{"role": "user", "content": "Hello!"}]}
PIXEL = "iVBORw0KGgo" + "A" * 501
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
MAIN = """
[upstreams.main]
kind = "anthropic"
base_urls = ["http://a.invalid/v1", "http://b.invalid"]
api_key = "env:UPSTREAM_KEY"
"""


def explain(document: object, *arguments: str) -> subprocess.CompletedProcess:
    text = document if isinstance(document, str) else json.dumps(document)
    return subprocess.run(
        [sys.executable, "-m", "isthmus", "explain", "--file", "-", *arguments],
        env={**os.environ, "UPSTREAM_KEY": "sk-ant-secret"},
        input=text,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def fields(document: object, *arguments: str) -> dict[str, str]:
    said = json.loads(explain(document, "--json", *arguments).stdout)
    return {one["slug"]: one["kind"] for one in said["fields"]}


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "isthmus.toml"
    file.write_text(MAIN)
    return str(file)


def test_model_routes_and_request_are_shown_without_the_credential(config):
    shown = explain(HELLO, "--config", config)
    assert shown.returncode == 0
    for text in (
        "claude-sonnet-4-6  (asked for: claude-3.7-sonnet)",
        "route 2  main: claude-sonnet-4-6 at http://b.invalid",
        "POST http://a.invalid/v1/messages",
        "anthropic-version: 2026-10-21",
        '"text": "Hello!"',
    ):
        assert text in shown.stdout
    assert "sk-ant-secret" not in shown.stdout + shown.stderr
    assert "x-api-key" not in shown.stdout


def test_json_holds_the_same_for_programs(config):
    said = json.loads(explain(HELLO, "--config", config, "--json").stdout)
    assert (said["requested"], said["model"]) == ("claude-3.7-sonnet", "claude-sonnet-4-6")
    assert said["substituted"]
    assert [route["base_url"] for route in said["routes"]] == [
        "http://a.invalid",
        "http://b.invalid",
    ]
    assert said["request"]["method"] == "POST"
    assert said["request"]["body"]["model"] == "claude-sonnet-4-6"
    assert "x-api-key" not in said["request"]["headers"]


def test_every_kind_of_rule_has_its_lines():
    asked = {**HELLO, "temperature": 1.5, "seed": 1, "stop": "x", "model": "claude-sonnet-4-6"}
    assert fields(asked) == {
        "temperature.clamped": "near",
        "seed.dropped": "drop",
        "user.text": "map",
        "max_tokens.default": "map",
        "stop.sequences": "map",
    }
    lines = [line.split() for line in explain(asked).stdout.splitlines()]
    assert ["drop", "seed.dropped", "seed"] in [line[:3] for line in lines]


def test_model_of_the_command_line_goes_before_the_files():
    assert "temperature.dropped" in fields(
        {**HELLO, "temperature": 0.5}, "--model", "claude-opus-5-5"
    )
    assert "model.alias" in fields({"messages": HELLO["messages"]}, "--model", "claude-opus-5.5")


def test_deprecation_is_noted():
    assert fields(HELLO, "--model", "claude-sonnet-4-5")["model.deprecated"] == "note"


def test_long_base64_is_cut_short_for_people_only():
    asked = {**HELLO, "messages": [{"role": "user", "content": [IMAGE]}]}
    shown = explain(asked).stdout
    assert PIXEL not in shown
    assert "(512 characters)" in shown
    assert PIXEL in explain(asked, "--json").stdout


def test_what_a_terminal_would_obey_is_written_out():
    shown = explain({**HELLO, "\x1b[31m\u009b": "x"}).stdout
    assert "\\u001b[31m\\u009b" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({**HELLO, "n": 2}, ("400", "unsupported_value", "'n'", "n.refused")),
        ({**HELLO, "model": "gpt-4o"}, ("404", "model_not_found", "'model'")),
        ({**HELLO, "model": "claude-3-opus-20240229"}, ("model_retired", "claude-opus-5-5")),
        ({"messages": []}, ("400", "messages")),
        ("{", ("400", "invalid_json")),
        ("[]", ("400",)),
    ],
)
def test_refused_request_is_told_with_its_field(document, words):
    shown = explain(document)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert all(word in shown.stderr for word in words)
    refused = explain(document, "--json")
    assert refused.returncode == 1
    assert all(word.strip("'") in refused.stdout for word in words)


@pytest.mark.parametrize(
    "arguments",
    [(), ("--file", "/nothing/here"), ("--file", "-", "--config", "/nothing"), ("extra",)],
)
def test_bad_usage_is_exit_code_2(arguments):
    command = [sys.executable, "-m", "isthmus", "explain", *arguments]
    assert subprocess.run(command, input=b"{}", capture_output=True, check=False).returncode == 2


def test_file_is_read(tmp_path):
    file = tmp_path / "request.json"
    file.write_text(json.dumps(HELLO))
    command = [sys.executable, "-m", "isthmus", "explain", "--file", str(file)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert '"model": "claude-sonnet-4-6"' in shown.stdout


def test_request_that_is_passed_on_is_shown_as_it_is(tmp_path):
    file = tmp_path / "isthmus.toml"
    file.write_text("""
[upstreams.vendor]
kind = "openai_compatible"
base_urls = ["http://v.invalid"]
api_key = "env:UPSTREAM_KEY"

[models.m-1]
targets = [{ upstream = "vendor", model = "vendor-1" }]
""")
    asked = {**HELLO, "model": "m-1", "of_their_own": 1}
    said = json.loads(explain(asked, "--json", "--config", str(file)).stdout)
    assert said["request"]["url"] == "http://v.invalid/v1/chat/completions"
    assert said["request"]["body"] == {**asked, "model": "vendor-1"}
    assert (said["fields"], "authorization" in said["request"]["headers"]) == ([], False)
