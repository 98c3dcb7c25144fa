"""Codex runs a command, by way of the gateway's Responses door."""

from __future__ import annotations

import json


def test_answer(codex, gateway, asked):
    assert "simulated answer" in codex("Say hello.")
    assert all("status=200 ending=complete" in line for line in asked("POST_/v1/responses"))


def test_command_is_run(codex, gateway, tmp_path, asked):
    arguments = json.dumps({"cmd": "echo written > made.txt"})
    codex(f"[[sandbox: tool=exec_command{arguments}]]")
    assert (tmp_path / "folder" / "made.txt").read_text() == "written\n"
    assert asked("POST_/v1/responses", at_least=2)
