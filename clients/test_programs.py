"""Programs on the official TypeScript SDKs, and on agent frameworks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

INSTALLED = Path(__file__).parents[1] / "build" / "clients"
PROGRAMS = Path(__file__).with_name("programs")
#: What runs each program, and how many steps it tells of.
WITH = {
    "openai.mjs": ("node", 10),
    "anthropic.mjs": ("node", 9),
    "langchain.py": (str(INSTALLED / "langchain" / "bin" / "python"), 5),
    "agents.py": (str(INSTALLED / "agents" / "bin" / "python"), 8),
}


@pytest.mark.parametrize("name", WITH)
def test_program(gateway, tmp_path, name):
    interpreter, steps = WITH[name]
    # Node looks for packages above the program, not above where it runs.
    program = INSTALLED / "programs" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text((PROGRAMS / name).read_text())
    root = gateway.base_url.removesuffix("/v1")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MODEL": "claude-sonnet-4-6",
        "OPENAI_BASE_URL": gateway.base_url,
        "OPENAI_API_KEY": gateway.key,
        "ANTHROPIC_BASE_URL": root,
        "ANTHROPIC_API_KEY": gateway.key,
    }
    ended = subprocess.run(
        [interpreter, program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("ok ") == steps
