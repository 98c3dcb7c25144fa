"""Every door over every kind of upstream: what goes there, and what the client is told.

Each transcript in ``tests/golden/cells`` holds a scenario of one cell. `make goldens` writes them
anew; whoever does reads the difference.
"""

import json
import os
import re
from pathlib import Path

import pytest

from cells.scenarios import ASKED, SCENARIOS, script
from factories.client import Answer, call
from isthmus.translate.translations import TRANSLATIONS

GOLDEN = Path(__file__).parents[1] / "golden" / "cells"
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
CELLS = [
    pytest.param(cell, scenario, id=f"{cell.name}-{scenario}")
    for cell in TRANSLATIONS
    for scenario in SCENARIOS
]
#: What is another in every run.
_VARIES = (
    (re.compile(r'"(created|created_at|completed_at)":\s?\d{9,}'), r'"\1":0'),
    (re.compile(r"\b(resp|req|rs|msg|fc)_[0-9a-f]{16,}"), r"\1_x"),
    (re.compile(r"isth1\.[A-Za-z0-9_.=-]+"), "isth1.x"),
    (re.compile(r'"(signature|data)":"[A-Za-z0-9+/_=-]{60,}"'), r'"\1":"x"'),
)


def steady(text: str) -> str:
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    return text


def told(answer: Answer) -> object:
    """Return what the client was told: a document, or the lines of a stream."""
    if answer.headers["content-type"] == "application/json":
        return json.loads(steady(answer.body.decode()))
    lines = steady(answer.body.decode()).split("\n")
    return [line for line in lines if line and not line.startswith(": ")]


def take_place(gateway, upstreams, cell, scenario, *, stream: bool) -> dict:
    """Let a scenario happen; return its transcript."""
    upstream = upstreams[cell.upstream]
    upstream.will()
    # How a whole answer is asked for is the gateway's choice.
    upstream.otherwise = lambda sent: script(
        cell.upstream, scenario, stream=bool(sent.get("stream"))
    )
    asked = {"model": f"over-{cell.upstream}", **ASKED[cell.door][scenario]}
    asked |= {"stream": True} if stream else {}
    version = {"anthropic_version": "2023-06-01"} if cell.door == "messages" else {}
    answer = call(gateway, "POST", PATHS[cell.door], json.dumps(asked).encode(), **version)
    sent = json.loads(steady(json.dumps([one.document for one in upstream.requests])))
    transcript = {"asked": asked, "sent": sent, "status": answer.status, "told": told(answer)}
    if "x-isthmus-warnings" in answer.headers:
        transcript["warnings"] = answer.headers["x-isthmus-warnings"]
    return transcript


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("cell", "scenario"), CELLS)
def test_transcript(gateway, upstreams, cell, scenario, stream):
    transcript = take_place(gateway, upstreams, cell, scenario, stream=stream)
    kind = "streamed" if stream else "whole"
    file = GOLDEN / cell.name / f"{scenario}.{kind}.json"
    if os.environ.get("ISTHMUS_GOLDENS") == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(transcript, indent=1, ensure_ascii=False) + "\n")
    assert transcript == json.loads(file.read_text())


def test_every_door_is_served_over_every_kind_of_upstream():
    served = {(cell.door, cell.upstream) for cell in TRANSLATIONS}
    assert served == {(door, upstream) for door in PATHS for upstream in ("messages", "chat")}


def test_every_transcript_is_of_a_scenario():
    names = {f"{one}.{kind}.json" for one in SCENARIOS for kind in ("whole", "streamed")}
    written = {file.name for file in GOLDEN.glob("*/*")}
    assert written == names
    assert {folder.name for folder in GOLDEN.iterdir()} == {cell.name for cell in TRANSLATIONS}
