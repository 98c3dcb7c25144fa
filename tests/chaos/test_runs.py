"""Both programs, for a few seconds each, before the real command."""

from __future__ import annotations

import subprocess
import sys

from house.source import ROOT


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "chaos" / program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=55)


def test_chaos_finds_nothing_in_a_short_run() -> None:
    ended = run("run.py", "--seconds", "6", "--clients", "20", "--seed", "5eed")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "findings: none" in ended.stdout


def test_a_small_burden_is_not_noticed() -> None:
    # Other tests run beside: only what takes much longer than that is the burden's doing.
    ended = run("scale.py", "--scale", "0.02", "--seconds", "1", "--noise", "250")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "no misses" in ended.stdout
