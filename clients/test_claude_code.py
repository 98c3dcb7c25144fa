"""Claude Code reads a file, edits it, and stops, by way of the gateway."""

from __future__ import annotations

import json


def directive(tool: str, **arguments: str) -> str:
    return f"[[sandbox: tool={tool}{json.dumps(arguments)}]]"


def test_answer(claude, asked):
    assert "simulated answer" in claude("Say hello.")
    assert all("status=200 ending=complete" in line for line in asked("POST_/v1/messages"))


def test_file_is_read(claude, tmp_path, asked):
    file = tmp_path / "folder" / "notes.txt"
    file.write_text("what was written\n")
    said = claude(directive("Read", file_path=str(file)))
    assert "what was written" in said
    assert asked("POST_/v1/messages", at_least=2)


def test_file_is_written(claude, tmp_path):
    file = tmp_path / "folder" / "made.txt"
    claude(directive("Write", file_path=str(file), content="made by a tool\n"))
    assert file.read_text() == "made by a tool\n"
