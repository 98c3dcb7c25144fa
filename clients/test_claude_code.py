"""Claude Code reads a file, edits it, and stops, by way of the gateway."""

from __future__ import annotations

import json

CALM = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
}


def directive(tool: str, **arguments: str) -> str:
    return f"[[sandbox: tool={tool}{json.dumps(arguments)}]]"


def claude(run, gateway, prompt: str) -> str:
    return run(
        "claude",
        "-p",
        prompt,
        "--permission-mode",
        "acceptEdits",
        ANTHROPIC_BASE_URL=gateway.base_url.removesuffix("/v1"),
        ANTHROPIC_AUTH_TOKEN=gateway.key,
        **CALM,
    )


def test_answer(run, gateway, asked):
    assert "simulated answer" in claude(run, gateway, "Say hello.")
    assert all("status=200 ending=complete" in line for line in asked("POST_/v1/messages"))


def test_file_is_read(run, gateway, tmp_path, asked):
    file = tmp_path / "folder" / "notes.txt"
    file.write_text("what was written\n")
    said = claude(run, gateway, directive("Read", file_path=str(file)))
    assert "what was written" in said
    assert len(asked("POST_/v1/messages")) >= 2


def test_file_is_written(run, gateway, tmp_path):
    file = tmp_path / "folder" / "made.txt"
    claude(run, gateway, directive("Write", file_path=str(file), content="made by a tool\n"))
    assert file.read_text() == "made by a tool\n"
