"""Claude Code and Codex work on a model of another vendor, by way of the gateway."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest

from factories import completions as make
from factories.fake_chat import FakeChat, both, table
from factories.fake_upstream import Script
from factories.gateway import Gateway, running

MODEL = """
[models.claude-other]
targets = [{ upstream = "vendor", model = "vendor-1" }]
"""


@pytest.fixture
def vendor() -> Generator[FakeChat]:
    with FakeChat() as fake:
        yield fake


@pytest.fixture
def model() -> str:
    return "claude-other"


@pytest.fixture
def gateway(tmp_path, vendor) -> Generator[Gateway]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    with running(folder, table("vendor", vendor.url) + MODEL) as started:
        yield started


def scripted(vendor: FakeChat, *calls: tuple[str, dict]) -> None:
    """Have the model make calls in turn, then say that it is done."""

    def answer(document: dict) -> Script:
        results = [said for said in document["messages"] if said["role"] == "tool"]
        names = {tool["function"]["name"] for tool in document.get("tools", ())}
        if len(results) < len(calls) and calls[0][0] in names:
            name, arguments = calls[len(results)]
            made = make.call(f"call_{len(results)}", name, json.dumps(arguments))
            told = make.completion(None, made, finish_reason="tool_calls")
        else:
            told = make.completion("All is done.")
        return both(told)[bool(document.get("stream"))]

    vendor.otherwise = answer


def results(vendor: FakeChat) -> list[str]:
    """Return what the tools gave back, as the last request has it."""
    said = max((one.document["messages"] for one in vendor.requests), key=len)
    return [one["content"] for one in said if one["role"] == "tool"]


def test_claude_code_reads_and_edits_a_file(claude, vendor, tmp_path, asked):
    file = tmp_path / "folder" / "notes.txt"
    file.write_text("one\ntwo\n")
    edit = {"file_path": str(file), "old_string": "two", "new_string": "three"}
    scripted(vendor, ("Read", {"file_path": str(file)}), ("Edit", edit))
    said = claude("Mend the notes.")
    assert "All is done." in said
    assert file.read_text() == "one\nthree\n"
    assert "two" in results(vendor)[0]
    assert all(one.document["model"] == "vendor-1" for one in vendor.requests)
    assert all("status=200 ending=complete" in line for line in asked("POST_/v1/messages"))


def test_codex_runs_a_command(codex, vendor, tmp_path, asked):
    scripted(vendor, ("exec_command", {"cmd": "echo written > made.txt"}))
    assert "All is done." in codex("Write a file.")
    assert (tmp_path / "folder" / "made.txt").read_text() == "written\n"
    assert all("status=200 ending=complete" in line for line in asked("POST_/v1/responses"))
