"""What `isthmus connect --write` sets up is all that the clients need."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def connect(gateway, tmp_path, run):
    """Set a client up in the empty home that clients have."""

    def write(name: str) -> str:
        given = ("--url", gateway.base_url, "--key", gateway.key)
        ended = subprocess.run(
            [sys.executable, "-m", "isthmus", "connect", name, "--write", *given],
            env={**os.environ, "HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout

    return write


def test_claude_code(connect, run, asked):
    connect("claude-code")
    said = run("claude", "-p", "Say hello.", DISABLE_TELEMETRY="1", DISABLE_AUTOUPDATER="1")
    assert said
    assert all("status=200 ending=complete" in line for line in asked("POST_/v1/messages"))


def test_codex(connect, run, gateway, asked):
    connect("codex")
    options = ("--profile", "isthmus", "--skip-git-repo-check")
    said = run("codex", "exec", *options, "Say hello.", ISTHMUS_KEY=gateway.key)
    assert "simulated answer" in said
    assert all("status=200 ending=complete" in line for line in asked("POST_/v1/responses"))
