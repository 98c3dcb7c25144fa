"""Codex runs a command, by way of the gateway's Responses door."""

from __future__ import annotations

import json

import pytest

CONFIG = """
model = "claude-sonnet-4-6"
model_provider = "isthmus"

[model_providers.isthmus]
name = "Isthmus"
base_url = "{base_url}"
env_key = "ISTHMUS_KEY"
wire_api = "responses"
"""


@pytest.fixture
def codex(run, gateway, tmp_path):
    home = tmp_path / "codex"
    home.mkdir()
    (home / "config.toml").write_text(CONFIG.format(base_url=gateway.base_url))
    options = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
    names = {"CODEX_HOME": str(home), "ISTHMUS_KEY": gateway.key}
    return lambda prompt: run("codex", "exec", *options, prompt, **names)


def test_answer(codex, gateway, asked):
    assert "simulated answer" in codex("Say hello.")
    assert all("status=200 ending=complete" in line for line in asked("POST_/v1/responses"))


def test_command_is_run(codex, gateway, tmp_path, asked):
    arguments = json.dumps({"cmd": "echo written > made.txt"})
    codex(f"[[sandbox: tool=exec_command{arguments}]]")
    assert (tmp_path / "folder" / "made.txt").read_text() == "written\n"
    assert len(asked("POST_/v1/responses")) >= 2
